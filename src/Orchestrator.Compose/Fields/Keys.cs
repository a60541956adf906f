using System.Collections;

namespace Orchestrator.Compose.Fields;

/// <summary>
/// The keys that a mapping may have, and what each does to the target. Whatever else is written is refused by name: a key that the format
/// has and we have not with the way out, any other with the nearest known one. <c>x-</c> keys are the author's own, but <c>x-orc-</c> ones ours.
/// </summary>
internal sealed class Keys<T>(string owner, IReadOnlyDictionary<string, string>? unsupported = null) : IEnumerable<string>
{
    private const int KeysListedMost = 20;

    private readonly Dictionary<string, Action<Field, T>> _readers = new(StringComparer.Ordinal);

    /// <summary>The reader is not called for a key with nothing after it: that is as good as not written.</summary>
    public void Add(string key, Action<Field, T> read) => _readers.Add(key, (f, t) =>
    {
        if (!f.IsNull)
            read(f, t);
    });

    public void Add(IReadOnlyDictionary<string, Action<Field, T>> readers)
    {
        foreach (var (key, read) in readers)
            Add(key, read);
    }

    public void Read(Field mapping, T target)
    {
        foreach (var field in mapping.Entries($"a mapping with the keys of {owner}"))
        {
            if (_readers.TryGetValue(field.Key, out var read))
                read(field, target);
            else if (!field.Key.StartsWith("x-", StringComparison.Ordinal) || field.Key.StartsWith("x-orc-", StringComparison.Ordinal))
                Refuse(field);
        }
    }

    public IEnumerator<string> GetEnumerator() => _readers.Keys.GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

    private void Refuse(Field field)
    {
        if (unsupported?.TryGetValue(field.Key, out var wayOut) == true)
            field.RefuseKey($"the key \"{field.Key}\" is not supported{(wayOut.Length == 0 ? "" : $": {wayOut}")}");
        else if (Spelling.Nearest(field.Key, _readers.Keys) is { } nearest)
            field.RefuseKey($"unknown key \"{field.Key}\"; did you mean \"{nearest}\"?");
        else if (_readers.Count > KeysListedMost)
            field.RefuseKey($"unknown key \"{field.Key}\": {owner} has no such key in the Compose specification; keys of one's own begin with x-");
        else
            field.RefuseKey($"unknown key \"{field.Key}\"; {owner} takes {string.Join(", ", _readers.Keys.Order(StringComparer.Ordinal))} and x-*");
    }
}
