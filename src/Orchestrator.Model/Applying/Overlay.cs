using System.Collections.Immutable;

namespace Orchestrator.Model.Applying;

/// <summary>A map in the making that is asked and changed many times for the same few keys: changes are kept beside the map until all are known.</summary>
internal sealed class Overlay<T>(ImmutableSortedDictionary<string, T> from)
    where T : class
{
    private readonly Dictionary<string, T?> _changed = new(StringComparer.Ordinal);

    public T? Get(string key) => _changed.TryGetValue(key, out var changed) ? changed : from.GetValueOrDefault(key);

    /// <summary>Null removes.</summary>
    public void Set(string key, T? value) => _changed[key] = value;

    public ImmutableSortedDictionary<string, T> ToImmutable()
    {
        var builder = from.ToBuilder();
        foreach (var (key, value) in _changed)
            if (value is null)
                builder.Remove(key);
            else
                builder[key] = value;
        return builder.ToImmutable();
    }
}
