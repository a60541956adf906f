using System.Runtime.InteropServices;

namespace Orchestrator.Model.Scheduling;

/// <summary>The nodes in groups by the fields of the service's preferences, one within the other: the next replica goes to the group with the fewest,
/// within it to the inner group with the fewest, and there to the best node. Nodes without a label are a group of their own.</summary>
internal sealed class SpreadGroups
{
    private readonly List<Group> _groups = [];
    private readonly Dictionary<string, int> _counts = new(StringComparer.Ordinal);

    public SpreadGroups(Placing placing, IReadOnlyList<Candidate> ranking, IEnumerable<Candidate> running)
    {
        var runningByPath = running.GroupBy(c => PathsOf(placing.Spec, c)[^1], StringComparer.Ordinal).ToDictionary(g => g.Key, g => g.ToList(), StringComparer.Ordinal);
        foreach (var alike in ranking.GroupBy(c => PathsOf(placing.Spec, c)[^1], StringComparer.Ordinal))
        {
            var nodes = alike.ToList();
            var paths = PathsOf(placing.Spec, nodes[0]);
            _groups.Add(new(paths, new(placing, nodes.GetEnumerator(), runningByPath.GetValueOrDefault(alike.Key, []))));
            foreach (var node in nodes)
                Count(paths, placing.Counts.Staying(node.Node.Id));
        }
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
        Count(best.Paths, 1);
        return best.Queue.Take();
    }

    private int Compare(Group a, Group b)
    {
        for (var level = 0; level < a.Paths.Length; level++)
            if (_counts.GetValueOrDefault(a.Paths[level]) is var x && _counts.GetValueOrDefault(b.Paths[level]) is var y && x != y)
                return x.CompareTo(y);
        return a.Queue.Peek()!.Value.Rank.CompareTo(b.Queue.Peek()!.Value.Rank);
    }

    private void Count(string[] paths, int more)
    {
        foreach (var path in paths)
            CollectionsMarshal.GetValueRefOrAddDefault(_counts, path, out _) += more;
    }

    /// <summary>"z1", "z1/rack7": the groups in which the node is, from the outside in. Values cannot be mistaken for paths, as NUL divides them.</summary>
    private static string[] PathsOf(ServiceSpec spec, Candidate candidate)
    {
        var paths = new string[spec.Spread.Count];
        for (var i = 0; i < paths.Length; i++)
            paths[i] = (i == 0 ? "" : paths[i - 1] + "\0") + NodeField.Of(candidate.Node, spec.Spread[i], candidate.Cluster);
        return paths;
    }

    private sealed record Group(string[] Paths, NodeQueue Queue);
}
