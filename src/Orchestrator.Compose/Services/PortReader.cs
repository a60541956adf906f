using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Orchestrator.Compose.Fields;
using Orchestrator.Model;

namespace Orchestrator.Compose.Services;

internal static class PortReader
{
    private const int MaxPortsOfService = 4096;
    private const string Short = "[IP:][PUBLISHED:]TARGET[/tcp|/udp] with ports from 1 to 65535 or ranges such as 8000-8010:8000-8010";

    private static readonly Keys<Publication> s_keys = new("a port")
    {
        { "target", (f, p) => p.Target = ReadRange(f, f.Written("a port from 1 to 65535")) },
        { "published", (f, p) => p.Published = ReadRange(f, f.Written("a port from 1 to 65535")) },
        { "host_ip", (f, p) => p.HostIp = ReadHostIp(f, f.Text("an IPv4 address")) },
        { "protocol", (f, p) => p.Protocol = f.OneOf("tcp", "udp") == "udp" ? Protocol.Udp : Protocol.Tcp },
        { "name", (f, _) => f.Warn("has no effect") },
        { "app_protocol", (f, _) => f.Warn("has no effect: ports are balanced as TCP or UDP") },
        { "mode", (f, p) => p.Mode = f.OneOf("ingress", "host") == "host" ? PortMode.Host : PortMode.Ingress },
    };

    public static void Read(Field field, ServiceDraft service)
    {
        foreach (var item in field.Items("a list of ports"))
        {
            var before = item.Report.ErrorCount;
            var publication = new Publication();
            if (item.IsMapping)
                s_keys.Read(item, publication);
            else
                ReadShort(item, publication);
            if (item.Report.ErrorCount == before)
                Add(item, publication, service);
        }
    }

    /// <summary>Services of a network reach every port of each other anyway: only the form is checked.</summary>
    public static void ReadExpose(Field field, ServiceDraft service)
    {
        foreach (var item in field.Items("a list of ports"))
        {
            var text = item.Written("a port") ?? "1";
            var slash = text.IndexOf('/', StringComparison.Ordinal);
            if (ParseRange(slash < 0 ? text : text[..slash]) is null || (slash >= 0 && text[slash..] is not ("/tcp" or "/udp")))
                item.Expected("a port from 1 to 65535 or a range, with /tcp or /udp");
        }
    }

    private static void ReadShort(Field item, Publication publication)
    {
        if (item.Written(Short) is not { } text)
            return;
        var slash = text.IndexOf('/', StringComparison.Ordinal);
        var protocol = slash < 0 ? "tcp" : text[(slash + 1)..];
        var parts = Parts(slash < 0 ? text : text[..slash]);
        publication.Protocol = protocol == "udp" ? Protocol.Udp : Protocol.Tcp;
        publication.Target = ParseRange(parts.Target);
        publication.Published = parts.Published.Length == 0 ? null : ParseRange(parts.Published);
        if (publication.Target is null || (parts.Published.Length > 0 && publication.Published is null) || protocol is not ("tcp" or "udp"))
            item.Expected(Short);
        else if (parts.Ip.Length > 0)
            publication.HostIp = ReadHostIp(item, parts.Ip);
    }

    // From the right, because an IPv6 address holds colons of its own.
    private static (string Ip, string Published, string Target) Parts(string text)
    {
        var last = text.LastIndexOf(':');
        if (last < 0)
            return ("", "", text);
        var head = text[..last];
        var middle = head.LastIndexOf(':');
        return (middle < 0 ? "" : head[..middle].Trim('[', ']'), head[(middle + 1)..], text[(last + 1)..]);
    }

    private static void Add(Field item, Publication publication, ServiceDraft service)
    {
        if (publication.Target is not { } target)
        {
            item.Refuse("has no target; write target: and the port in the container");
            return;
        }
        if (publication.Published is { } published && published.Length != target.Length)
            item.Refuse($"publishes {published.Length} ports for {target.Length} in the container; write as many on both sides");
        else if (service.Spec.Ports.Count + target.Length > MaxPortsOfService)
            item.Refuse($"brings the service to more than {MaxPortsOfService} ports");
        else
            Expand(item, publication, target, service);
    }

    private static void Expand(Field item, Publication publication, PortRange target, ServiceDraft service)
    {
        if (publication.Published is null)
            item.Report.Warn(item.Node.At, item.Path, $"publishes no port on the nodes; write \"PUBLISHED:{target.First}\" to reach it from outside");
        for (var i = 0; i < target.Length; i++)
        {
            var port = new PortSpec
            {
                Target = target.First + i,
                Published = publication.Published is { } published ? published.First + i : 0,
                Protocol = publication.Protocol,
                Mode = publication.Mode,
                HostIp = publication.HostIp,
            };
            service.Stack.PublishedPorts.Add(port, service.Spec.Name, item);
            service.Spec.Ports.Add(port);
        }
    }

    private static PortRange? ReadRange(Field field, string? text)
    {
        var range = text is null ? null : ParseRange(text);
        if (range is null && text is not null)
            field.Expected("a port from 1 to 65535, or a range such as 8000-8010");
        return range;
    }

    private static PortRange? ParseRange(string text)
    {
        var dash = text.IndexOf('-', StringComparison.Ordinal);
        var first = ParsePort(dash < 0 ? text : text[..dash]);
        var last = dash < 0 ? first : ParsePort(text[(dash + 1)..]);
        return first == 0 || last < first ? null : new PortRange(first, last - first + 1);
    }

    private static int ParsePort(string text) =>
        ushort.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var port) ? port : 0;

    private static string ReadHostIp(Field field, string? text)
    {
        if (text is null)
            return "";
        if (!IPAddress.TryParse(text, out var address) || (address.AddressFamily == AddressFamily.InterNetwork && address.ToString() != text))
            field.Refuse($"got \"{text}\" as the address; expected an IPv4 address of the nodes, such as 127.0.0.1");
        else if (address.AddressFamily != AddressFamily.InterNetwork && !address.Equals(IPAddress.IPv6Any))
            field.Refuse($"got \"{text}\" as the address; ports are published on IPv4 addresses only");
        return text is "0.0.0.0" or "::" ? "" : text;
    }

    private readonly record struct PortRange(int First, int Length);

    private sealed class Publication
    {
        public PortRange? Target { get; set; }

        public PortRange? Published { get; set; }

        public Protocol Protocol { get; set; }

        public PortMode Mode { get; set; }

        public string HostIp { get; set; } = "";
    }
}
