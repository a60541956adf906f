using Orchestrator.Compose.Yaml;

namespace Orchestrator.Compose.Merging;

/// <summary>What makes an item of a list the same as one of an earlier file, which it then replaces. Null: it is like no other.</summary>
internal static class ItemKey
{
    public static string? Of(YamlNode item, IReadOnlyList<string> path) => path switch
    {
        ["services", _, "volumes"] => Volume(item),
        ["services", _, "tmpfs"] => (item as YamlScalar)?.Value.Split(':')[0].TrimEnd('/'),
        ["services", _, "devices"] => Device(item),
        ["services", _, "ports"] => Port(item),
        ["services", _, "secrets"] => Mounted(item, "/run/secrets/"),
        ["services", _, "configs"] => Mounted(item, "/"),
        ["services", _, "env_file"] => Value(item, "path") ?? (item as YamlScalar)?.Value,
        ["networks", _, "ipam", "config"] => Value(item, "subnet"),
        _ => (item as YamlScalar)?.Value,
    };

    private static string? Volume(YamlNode item)
    {
        if (item is not YamlScalar scalar)
            return Value(item, "target")?.TrimEnd('/');
        var parts = scalar.Value.Split(':');
        return (parts.Length == 1 ? parts[0] : parts[1]).TrimEnd('/');
    }

    private static string? Device(YamlNode item)
    {
        if (item is not YamlScalar scalar)
            return Value(item, "target") ?? Value(item, "source");
        var parts = scalar.Value.Split(':');
        return parts.Length > 1 && parts[1].StartsWith('/') ? parts[1] : parts[0];
    }

    private static string? Port(YamlNode item)
    {
        if (item is YamlMapping)
            return Port(Value(item, "host_ip") ?? "", Value(item, "published") ?? "", Value(item, "target") ?? "", Value(item, "protocol") ?? "tcp");
        if (item is not YamlScalar scalar)
            return null;
        var (text, protocol) = scalar.Value.Split('/', 2) is [var head, var tail] ? (head, tail) : (scalar.Value, "tcp");
        var last = text.LastIndexOf(':');
        var middle = last < 0 ? -1 : text[..last].LastIndexOf(':');
        return Port(middle < 0 ? "" : text[..middle], last < 0 ? "" : text[(middle + 1)..last], text[(last + 1)..], protocol);
    }

    private static string Port(string ip, string published, string target, string protocol) => $"{(ip == "0.0.0.0" ? "" : ip)}:{published}:{target}/{protocol}";

    private static string? Mounted(YamlNode item, string directory)
    {
        var name = (item as YamlScalar)?.Value ?? Value(item, "source");
        return Value(item, "target") is not { } target ? directory + name : target.StartsWith('/') ? target : directory + target;
    }

    private static string? Value(YamlNode item, string key) =>
        ((item as YamlMapping)?.Entries.FirstOrDefault(e => e.Key == key).Value as YamlScalar)?.Value;
}
