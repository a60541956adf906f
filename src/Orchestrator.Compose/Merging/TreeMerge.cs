using Orchestrator.Compose.Yaml;

namespace Orchestrator.Compose.Merging;

/// <summary>
/// Lays one document over another, as Compose does: mappings are merged key by key, lists are appended to, other values replaced; some keys
/// have rules of their own. Nodes keep their places, so that messages still name the file and line that an author knows.
/// </summary>
/// <param name="keepMarks">!reset and !override stay in the result, for a document that is going to be laid over a further one.</param>
internal sealed class TreeMerge(Report report, bool keepMarks)
{
    /// <summary>The later document wins.</summary>
    /// <param name="path">Of both, from the top: "services", "web".</param>
    public YamlNode Merge(YamlNode before, YamlNode after, params IReadOnlyList<string> path)
    {
        if (after.Mark == MergeMark.Override)
            return keepMarks ? after : Settle(after);
        if (before is YamlScalar { IsNull: true } or { Mark: MergeMark.Reset })
            return Kept(after);
        var rule = MergeRules.For(path);
        if (rule != MergeRule.Replace && after is YamlScalar { IsNull: true })
            return before;
        return rule switch
        {
            MergeRule.Replace => Kept(after),
            MergeRule.Pairs => Merge(before, after, Forms.Pairs, path, MergeMappings),
            MergeRule.Named => Merge(before, after, Forms.Named, path, MergeMappings),
            MergeRule.List => Merge(before, after, Forms.List, path, MergeLists),
            MergeRule.Hosts => Merge(before, after, Forms.Hosts, path, MergeLists),
            MergeRule.Logging => MergeLogging(before, after, path),
            _ => MergeByKind(before, after, path),
        };
    }

    /// <summary>The document by itself: without what it resets, and without marks.</summary>
    public static YamlNode Settle(YamlNode node) => node switch
    {
        YamlScalar { Mark: MergeMark.None } => node,
        YamlScalar scalar => new YamlScalar(scalar.At, scalar.Value, scalar.Plain),
        YamlSequence list => Settle(list),
        YamlMapping mapping => Settle(mapping),
        _ => node,
    };

    private static YamlSequence Settle(YamlSequence list)
    {
        var items = list.Items.Where(i => i.Mark != MergeMark.Reset).Select(Settle).ToList();
        return list.Mark == MergeMark.None && items.SequenceEqual(list.Items) ? list : new YamlSequence(list.At, items);
    }

    private static YamlMapping Settle(YamlMapping mapping)
    {
        var entries = mapping.Entries.Where(e => e.Value.Mark != MergeMark.Reset).Select(e => e with { Value = Settle(e.Value) }).ToList();
        return mapping.Mark == MergeMark.None && entries.SequenceEqual(mapping.Entries) ? mapping : new YamlMapping(mapping.At, entries);
    }

    private YamlNode MergeByKind(YamlNode before, YamlNode after, IReadOnlyList<string> path) => (before, after) switch
    {
        (YamlMapping a, YamlMapping b) => MergeMappings(a, b, path),
        (YamlSequence a, YamlSequence b) => MergeLists(a, b, path),
        (YamlScalar, _) => Kept(after),
        _ => Contradiction(before, after, path),
    };

    private YamlNode Merge<T>(
        YamlNode before, YamlNode after, Func<YamlNode, T?> form, IReadOnlyList<string> path, Func<T, T, IReadOnlyList<string>, YamlNode> merge)
        where T : YamlNode => (form(before), form(after)) switch
        {
            ({ } first, { } second) => merge(first, second, path),
            // Neither is of a kind that the key may have: the reader says so.
            (null, null) => Kept(after),
            _ => Contradiction(before, after, path),
        };

    private YamlNode Contradiction(YamlNode before, YamlNode after, IReadOnlyList<string> path)
    {
        report.Error(after.At, string.Join('.', path), $"got {after.Kind}, which cannot be merged with {before.Kind} at {before.At.Origin?.File}:{before.At.Line}; write both in the same form, or !override before this one");
        return before;
    }

    private YamlMapping MergeMappings(YamlMapping before, YamlMapping after, IReadOnlyList<string> path)
    {
        var later = after.Entries.ToDictionary(e => e.Key);
        var entries = new List<YamlEntry>();
        foreach (var entry in before.Entries)
        {
            if (!later.Remove(entry.Key, out var over))
                entries.Add(entry);
            else if (over.Value.Mark != MergeMark.Reset)
                entries.Add(MergeEntries(entry, over, path));
            else if (keepMarks)
                entries.Add(over);
        }
        // Those that the earlier document does not have, in their own order.
        entries.AddRange(after.Entries.Where(e => later.ContainsKey(e.Key) && (keepMarks || e.Value.Mark != MergeMark.Reset)).Select(e => e with { Value = Kept(e.Value) }));
        return new YamlMapping(before.At, entries) { Mark = before.Mark };
    }

    private YamlEntry MergeEntries(YamlEntry before, YamlEntry over, IReadOnlyList<string> path)
    {
        var merged = Merge(before.Value, over.Value, [.. path, over.Key]);
        return merged == before.Value || merged.At == before.Value.At ? before with { Value = merged } : over with { Value = merged };
    }

    private YamlSequence MergeLists(YamlSequence before, YamlSequence after, IReadOnlyList<string> path)
    {
        var items = before.Items.ToList();
        var places = new Dictionary<string, int>(StringComparer.Ordinal);
        for (var i = 0; i < items.Count; i++)
            if (ItemKey.Of(items[i], path) is { } key)
                places.TryAdd(key, i);
        foreach (var item in after.Items.Where(i => keepMarks || i.Mark != MergeMark.Reset).Select(Kept))
        {
            if (ItemKey.Of(item, path) is { } key && places.TryGetValue(key, out var place))
                items[place] = item;
            else
                items.Add(item);
        }
        return new YamlSequence(before.At, items) { Mark = before.Mark };
    }

    // The options of another driver mean nothing to this one.
    private YamlNode MergeLogging(YamlNode before, YamlNode after, IReadOnlyList<string> path)
    {
        var (old, now) = (Driver(before), Driver(after));
        return old is null || now is null || old == now ? MergeByKind(before, after, path) : Kept(after);
    }

    private static string? Driver(YamlNode logging) =>
        ((logging as YamlMapping)?.Entries.FirstOrDefault(e => e.Key == "driver").Value as YamlScalar)?.Value;

    private YamlNode Kept(YamlNode node) => keepMarks ? node : Settle(node);
}
