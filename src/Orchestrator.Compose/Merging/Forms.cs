using Orchestrator.Compose.Yaml;

namespace Orchestrator.Compose.Merging;

/// <summary>Brings what may be written in two ways into one of them. Null: it is of neither.</summary>
internal static class Forms
{
    /// <summary>"- A=1" is "A: '1'", and "- A" is "A:".</summary>
    public static YamlMapping? Pairs(YamlNode node) => node switch
    {
        YamlMapping mapping => mapping,
        YamlSequence list when list.Items.All(i => i is YamlScalar) => Mapping(list, Pair),
        _ => null,
    };

    /// <summary>"- a" is "a:".</summary>
    public static YamlMapping? Named(YamlNode node) => node switch
    {
        YamlMapping mapping => mapping,
        YamlSequence list when list.Items.All(i => i is YamlScalar) => Mapping(list, i => new YamlEntry(i.Value, i.At, new YamlScalar(i.At, "", plain: true))),
        _ => null,
    };

    /// <summary>"a" is "- a".</summary>
    public static YamlSequence? List(YamlNode node) => node as YamlSequence ?? new YamlSequence(node.At, [node]);

    /// <summary>"a: 10.0.0.1" is "- a=10.0.0.1".</summary>
    public static YamlSequence? Hosts(YamlNode node) => node is YamlMapping mapping
        ? new YamlSequence(mapping.At, [.. mapping.Entries.SelectMany(Items)]) { Mark = mapping.Mark }
        : List(node);

    // Of one name twice in a list the later counts, as for the reader.
    private static YamlMapping Mapping(YamlSequence list, Func<YamlScalar, YamlEntry> entry) =>
        new(list.At, [.. list.Items.Cast<YamlScalar>().Select(entry).Reverse().DistinctBy(e => e.Key).Reverse()]) { Mark = list.Mark };

    private static YamlEntry Pair(YamlScalar item)
    {
        var parts = item.Value.Split('=', 2);
        return new YamlEntry(parts[0], item.At, parts.Length == 1 ? new YamlScalar(item.At, "", plain: true) : new YamlScalar(item.At, parts[1], plain: false));
    }

    // A name may have several addresses.
    private static IEnumerable<YamlNode> Items(YamlEntry entry) => (entry.Value is YamlSequence list ? list.Items : [entry.Value])
        .Select(v => v is YamlScalar scalar ? new YamlScalar(scalar.At, $"{entry.Key}={scalar.Value}", plain: false) : v);
}
