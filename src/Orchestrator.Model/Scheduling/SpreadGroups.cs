namespace Orchestrator.Model.Scheduling;

/// <summary>The nodes in groups by a service's preferences: the next replica goes to the group with the fewest, within it to the inner group with the
/// fewest, and there to the best node.</summary>
internal sealed class SpreadGroups
{
    private readonly List<Group> _groups = [];
    private readonly SpreadCounts _counts;

    public SpreadGroups(Placing placing, IReadOnlyList<Candidate> ranking, IEnumerable<Candidate> running)
    {
        _counts = new(placing, ranking);
        var runningByPath = running.GroupBy(c => _counts.PathsOf(c)[^1], StringComparer.Ordinal).ToDictionary(g => g.Key, g => g.ToList(), StringComparer.Ordinal);
        foreach (var alike in ranking.GroupBy(c => _counts.PathsOf(c)[^1], StringComparer.Ordinal))
            _groups.Add(new(_counts.PathsOf(alike.First()), new(placing, alike.GetEnumerator(), runningByPath.GetValueOrDefault(alike.Key, []))));
    }

    /// <summary>Places a replica; null when no group has a node for it.</summary>
    public Candidate? PlaceNext()
    {
        Group? best = null;
        foreach (var group in _groups)
            if (group.Queue.Peek() is not null && (best is null || Compare(group, best) < 0))
                best = group;
        if (best is null)
            return null;
        _counts.Add(best.Paths, 1);
        return best.Queue.Take();
    }

    private int Compare(Group a, Group b) => _counts.Compare(a.Paths, b.Paths) is var groups and not 0
        ? groups
        : a.Queue.Peek()!.Value.Rank.CompareTo(b.Queue.Peek()!.Value.Rank);

    private sealed record Group(string[] Paths, NodeQueue Queue);
}
