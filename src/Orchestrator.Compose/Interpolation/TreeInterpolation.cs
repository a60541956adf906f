using Orchestrator.Compose.Yaml;

namespace Orchestrator.Compose.Interpolation;

/// <summary>Expands the variables in all values of a document; keys stay as they are. Subtrees without variables are shared, not copied.</summary>
internal sealed class TreeInterpolation(Func<string, string?> lookup, Report report)
{
    public YamlNode Expand(YamlNode node, string path) => node switch
    {
        YamlScalar scalar => Expand(scalar, path),
        YamlSequence list => Expand(list, path),
        YamlMapping mapping => Expand(mapping, path),
        _ => node,
    };

    private YamlScalar Expand(YamlScalar scalar, string path)
    {
        var expansion = Template.Expand(scalar.Value, lookup);
        if (expansion.Error is { } error)
            report.Error(scalar.At, path, error);
        foreach (var name in expansion.Unset)
            report.Warn(scalar.At, path, $"the variable {name} is not set and counts as empty; ${{{name}:-default}} gives a default");
        return ReferenceEquals(expansion.Value, scalar.Value) ? scalar : new YamlScalar(scalar.At, expansion.Value, plain: false) { Mark = scalar.Mark };
    }

    private YamlSequence Expand(YamlSequence list, string path)
    {
        var items = list.Items.Select((item, i) => Expand(item, $"{path}[{i}]")).ToList();
        return items.SequenceEqual(list.Items) ? list : new YamlSequence(list.At, items) { Mark = list.Mark };
    }

    private YamlMapping Expand(YamlMapping mapping, string path)
    {
        var entries = mapping.Entries.Select(e => e with { Value = Expand(e.Value, path.Length == 0 ? e.Key : $"{path}.{e.Key}") }).ToList();
        return entries.SequenceEqual(mapping.Entries) ? mapping : new YamlMapping(mapping.At, entries) { Mark = mapping.Mark };
    }
}
