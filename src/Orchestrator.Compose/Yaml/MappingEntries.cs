namespace Orchestrator.Compose.Yaml;

/// <summary>The entries of a mapping while it is read: keys are unique, and <c>&lt;&lt;</c> brings in the entries of other mappings.</summary>
internal sealed class MappingEntries
{
    private readonly List<YamlEntry> _own = [];
    private readonly Dictionary<string, Position> _seen = new(StringComparer.Ordinal);
    private readonly List<YamlMapping> _merged = [];

    /// <summary>Answers what is wrong, or null.</summary>
    public string? Add(YamlScalar key, YamlNode value)
    {
        if (!_seen.TryAdd(key.Value, key.At))
            return $"duplicate key \"{key.Value}\": first at line {_seen[key.Value].Line}, again at line {key.At.Line}; keep one";
        if (key is { Plain: true, Value: "<<" })
            return Merge(value);
        _own.Add(new YamlEntry(key.Value, key.At, value));
        return null;
    }

    /// <summary>Own entries win over merged ones, and earlier merged mappings over later ones.</summary>
    public IReadOnlyList<YamlEntry> Merged()
    {
        foreach (var entry in _merged.SelectMany(m => m.Entries))
            if (_seen.TryAdd(entry.Key, entry.At))
                _own.Add(entry);
        return _own;
    }

    private string? Merge(YamlNode value)
    {
        var sources = value is YamlSequence list ? list.Items : [value];
        _merged.AddRange(sources.OfType<YamlMapping>());
        return sources.All(s => s is YamlMapping) ? null : "<< takes a mapping or a list of mappings, usually *aliases";
    }
}
