using System.Collections.Immutable;
using System.Globalization;
using Orchestrator.Model.Indexes;

namespace Orchestrator.Model.Scheduling;

/// <summary>Chooses nodes within one batch, counting what it has placed itself. Filters first; then preferences; then the node with the fewest replicas of
/// the service, the most free resources, the fewest replicas at all; then by id. Nodes are looked at in the state's ranking, and only as far as needed.</summary>
internal sealed class Scheduler(ClusterState state)
{
    private readonly Dictionary<string, Candidate> _candidates = new(StringComparer.Ordinal);
    private readonly Dictionary<string, ServiceCounts> _counts = new(StringComparer.Ordinal);
    private readonly Dictionary<string, string> _refusals = new(StringComparer.Ordinal);
    private readonly ImmutableSortedSet<NodeRank>.Builder _ranking = state.Ranking.ToBuilder();
    private readonly List<Candidate> _moved = [];

    public ClusterState State => state;

    /// <summary>Nodes for <paramref name="count"/> replicas of one spec. With the reason when there are fewer.</summary>
    public (IReadOnlyList<Node> Placed, string? Reason) Place(string serviceId, ServiceSpec spec, int count)
    {
        var placing = new Placing(this, serviceId, spec);
        // What was refused is refused for all like it: nodes do not get emptier during a batch.
        if (_refusals.Count > 0 && placing.ClassKey is { } key && _refusals.TryGetValue(key, out var known))
            return ([], known);
        var placed = new List<Node>(count);
        // Where the first one goes decides for all that want its company.
        if (count > 1 && spec.Affinity.Contains(spec.Name))
            Fill(placing, placed, 1);
        Fill(placing, placed, count);
        return (placed, placed.Count == count ? null : Refuse(placing));
    }

    /// <summary>As <see cref="Place"/> for one replica, on the node named if that can take it.</summary>
    public (IReadOnlyList<Node> Placed, string? Reason) PlaceAtHome(string serviceId, ServiceSpec spec, string? homeId)
    {
        var placing = new Placing(this, serviceId, spec);
        if (homeId is null || !state.Nodes.TryGetValue(homeId, out var node) || placing.Refusal(CandidateOf(node)) is not null)
            return Place(serviceId, spec, 1);
        placing.PlaceOn(CandidateOf(node));
        File();
        return ([node], null);
    }

    /// <summary>One replica on this node, or nowhere.</summary>
    public (IReadOnlyList<Node> Placed, string? Reason) PlaceOn(string serviceId, ServiceSpec spec, Node node)
    {
        var placing = new Placing(this, serviceId, spec);
        if (placing.Refusal(CandidateOf(node)) is { } filter)
            return ([], $"no node: {node.Hostname} {filter.Explain}");
        placing.PlaceOn(CandidateOf(node));
        File();
        return ([node], null);
    }

    /// <summary>The replicas of a service, with those that the batch has placed.</summary>
    public ServiceCounts CountsOf(string serviceId)
    {
        if (!_counts.TryGetValue(serviceId, out var counts))
            _counts[serviceId] = counts = new(state.ReplicasOf(serviceId).All);
        return counts;
    }

    public Candidate CandidateOf(Node node)
    {
        if (!_candidates.TryGetValue(node.Id, out var candidate))
            _candidates[node.Id] = candidate = new(state, node);
        return candidate;
    }

    /// <summary>Its rank has changed: it is filed anew when the service's turn is over.</summary>
    public void Moved(Candidate candidate) => _moved.Add(candidate);

    /// <summary>"no node: 2 drained, 1 lacks 512 MiB".</summary>
    public string Explain(Placing placing)
    {
        if (state.Nodes.IsEmpty)
            return "no node: the cluster has none yet";
        var reasons = state.Nodes.Values.Select(n => placing.Refusal(CandidateOf(n))).OfType<Filter>().CountBy(f => f.Explain)
            .OrderByDescending(r => r.Value).ThenBy(r => r.Key, StringComparer.Ordinal);
        return "no node: " + string.Join(", ", reasons.Select(r => string.Create(CultureInfo.InvariantCulture, $"{r.Value} {r.Key}")));
    }

    private string Refuse(Placing placing)
    {
        var reason = Explain(placing);
        if (placing.ClassKey is { } key)
            _refusals[key] = reason;
        return reason;
    }

    private void Fill(Placing placing, List<Node> placed, int count)
    {
        if (placing.Spec.Spread.Count > 0)
            FillGroups(placing, placed, count);
        else
            FillBest(placing, placed, count);
        File();
    }

    private void FillBest(Placing placing, List<Node> placed, int count)
    {
        using var queue = new NodeQueue(placing, Ranked(placing.Packs).GetEnumerator(), Running(placing));
        while (placed.Count < count && queue.Peek() is not null)
            placed.Add(queue.Take().Node);
    }

    private void FillGroups(Placing placing, List<Node> placed, int count)
    {
        var groups = new SpreadGroups(placing, [.. Ranked(placing.Packs)], Running(placing));
        while (placed.Count < count && groups.PlaceNext() is { } node)
            placed.Add(node.Node);
    }

    /// <summary>Nodes that run the service, when they are asked for. Where it is packed they are in the ranking with all others.</summary>
    private IEnumerable<Candidate> Running(Placing placing) =>
        placing.Packs ? [] : placing.Counts.Nodes.Select(id => state.Nodes.GetValueOrDefault(id)).OfType<Node>().Select(CandidateOf);

    /// <summary>All nodes that take replicas, best first.</summary>
    private IEnumerable<Candidate> Ranked(bool fullestFirst)
    {
        foreach (var rank in fullestFirst ? _ranking.Reverse() : _ranking)
            yield return CandidateOf(state.Nodes[rank.NodeId]);
    }

    private void File()
    {
        foreach (var candidate in _moved)
            if (_ranking.Remove(candidate.Filed))
                _ranking.Add(candidate.Filed = candidate.Rank);
        _moved.Clear();
    }
}
