using System.Net;
using Orchestrator.Compose.Fields;
using Orchestrator.Compose.Yaml;

namespace Orchestrator.Compose.Services;

/// <summary>Where names come from: extra_hosts and the keys that begin with dns.</summary>
internal static class AddressReader
{
    private const string Accepted = "NAME:ADDRESS, such as db:10.0.0.5 or host.internal:host-gateway";

    public static void ReadHosts(Field field, ServiceDraft service)
    {
        if (!field.IsMapping && !field.IsList)
            field.Expected($"a list of {Accepted}, or a mapping of names to addresses");
        foreach (var (name, item) in field.IsMapping ? field.Entries().SelectMany(FromEntry) : field.IsList ? field.Items().Select(FromItem) : [])
            if (item.Text(Accepted) is { } text)
                Add(item, name, field.IsMapping ? text : text[Math.Min(text.Length, name.Length + 1)..], service);
    }

    public static IEnumerable<string> Servers(Field field)
    {
        foreach (var item in field.OneOrMany())
        {
            var text = item.Text("an IP address") ?? "127.0.0.1";
            if (!IPAddress.TryParse(text, out _))
                item.Expected("the IP address of a name server");
            yield return text;
        }
    }

    /// <summary>Each becomes a word of a line in the container's resolv.conf.</summary>
    public static IEnumerable<string> Words(Field field, string accepted)
    {
        foreach (var item in field.OneOrMany())
        {
            var word = item.Text(accepted) ?? "a";
            if (!IsWord(word))
                item.Expected($"{accepted}, without spaces");
            yield return word;
        }
    }

    private static bool IsWord(string text) => text.Length > 0 && !text.Any(c => char.IsWhiteSpace(c) || char.IsControl(c));

    private static IEnumerable<(string Name, Field Value)> FromEntry(Field entry) => entry.OneOrMany().Select(v => (entry.Key, v));

    private static (string Name, Field Value) FromItem(Field item)
    {
        var text = (item.Node as YamlScalar)?.Value ?? "";
        var end = text.IndexOfAny([':', '=']);
        return (end < 0 ? text : text[..end], item);
    }

    private static void Add(Field item, string name, string written, ServiceDraft service)
    {
        var address = written.Trim('[', ']');
        if (!IsWord(name) || (address != "host-gateway" && !IPAddress.TryParse(address, out _)))
            item.Expected(Accepted);
        else if (!service.Container.ExtraHosts.Contains($"{name}:{address}"))
            service.Container.ExtraHosts.Add($"{name}:{address}");
    }
}
