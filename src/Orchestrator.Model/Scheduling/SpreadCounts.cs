using System.Runtime.InteropServices;

namespace Orchestrator.Model.Scheduling;

/// <summary>How many replicas of a service are in each group of nodes, for the fields of its preferences, one within the other. Nodes without a label are
/// a group of their own. Only nodes that take replicas count: what leaves the others is about to come here.</summary>
internal sealed class SpreadCounts
{
    private readonly Dictionary<string, int> _byPath = new(StringComparer.Ordinal);
    private readonly ServiceSpec _spec;

    public SpreadCounts(Placing placing, IEnumerable<Candidate> nodes)
    {
        _spec = placing.Spec;
        foreach (var node in nodes)
            Add(PathsOf(node), placing.Counts.Staying(node.Node.Id));
    }

    /// <summary>The groups in which the node is, from the outside in: "a", "a rack7", divided by NUL, which no label holds.</summary>
    public string[] PathsOf(Candidate candidate)
    {
        var paths = new string[_spec.Spread.Count];
        for (var i = 0; i < paths.Length; i++)
            paths[i] = (i == 0 ? "" : paths[i - 1] + "\0") + NodeField.Of(candidate.Node, _spec.Spread[i], candidate.Cluster);
        return paths;
    }

    public int Of(string path) => _byPath.GetValueOrDefault(path);

    public void Add(string[] paths, int more)
    {
        foreach (var path in paths)
            CollectionsMarshal.GetValueRefOrAddDefault(_byPath, path, out _) += more;
    }

    /// <summary>Negative: the next replica goes rather to the first group.</summary>
    public int Compare(string[] a, string[] b)
    {
        for (var level = 0; level < a.Length; level++)
            if (Of(a[level]) != Of(b[level]))
                return Of(a[level]).CompareTo(Of(b[level]));
        return 0;
    }
}
