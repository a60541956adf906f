using System.Globalization;

namespace Orchestrator.Model.Scheduling;

/// <summary>Chooses nodes within one batch, counting what it has placed itself. Filters first; then the node with the fewest replicas of the
/// service, the most free resources, the fewest replicas at all; then by the seed.</summary>
internal sealed class Scheduler(ClusterState state, ulong seed)
{
    private readonly List<Candidate> _candidates = state.Nodes.Values.Select(n => new Candidate(state, n)).ToList();

    /// <summary>Nodes for <paramref name="count"/> replicas of one spec. Null, from the first that has no place, with the reason.</summary>
    public (IReadOnlyList<Node> Placed, string? Reason) Place(string serviceId, ServiceSpec spec, int count)
    {
        CountService(serviceId);
        var filters = Filter.Of(spec);
        var queue = new PriorityQueue<Candidate, Rank>(_candidates.Where(c => Refusal(filters, c) is null).Select(c => (c, RankOf(c, serviceId))));
        var placed = new List<Node>(count);
        while (placed.Count < count && queue.TryDequeue(out var best, out _))
        {
            best.Place(serviceId, spec);
            placed.Add(best.Node);
            if (Refusal(filters, best) is null)
                queue.Enqueue(best, RankOf(best, serviceId));
        }
        return (placed, placed.Count == count ? null : Explain(filters));
    }

    /// <summary>As <see cref="Place"/> for one replica, on the node named if that can take it.</summary>
    public (IReadOnlyList<Node> Placed, string? Reason) PlaceAtHome(string serviceId, ServiceSpec spec, string? homeId)
    {
        CountService(serviceId);
        if (_candidates.Find(c => c.Node.Id == homeId) is not { } home || Refusal(Filter.Of(spec), home) is not null)
            return Place(serviceId, spec, 1);
        home.Place(serviceId, spec);
        return ([home.Node], null);
    }

    private readonly HashSet<string> _counted = new(StringComparer.Ordinal);

    private void CountService(string serviceId)
    {
        if (!_counted.Add(serviceId))
            return;
        var byNode = _candidates.ToDictionary(c => c.Node.Id, StringComparer.Ordinal);
        foreach (var replica in state.ReplicasOf(serviceId).All)
            if (replica.IsLive() && replica.Desired == DesiredState.DesiredRunning && byNode.TryGetValue(replica.NodeId, out var candidate))
                candidate.Count(serviceId);
    }

    private static Filter? Refusal(IReadOnlyList<Filter> filters, Candidate candidate)
    {
        foreach (var filter in filters)
            if (!filter.Accepts(candidate))
                return filter;
        return null;
    }

    private string Explain(IReadOnlyList<Filter> filters)
    {
        if (_candidates.Count == 0)
            return "no node: the cluster has none yet";
        var reasons = _candidates.Select(c => Refusal(filters, c)).OfType<Filter>().CountBy(f => f.Explain)
            .OrderByDescending(r => r.Value).ThenBy(r => r.Key, StringComparer.Ordinal);
        return "no node: " + string.Join(", ", reasons.Select(r => string.Create(CultureInfo.InvariantCulture, $"{r.Value} {r.Key}")));
    }

    private Rank RankOf(Candidate candidate, string serviceId) =>
        new(candidate.CountOf(serviceId), -candidate.FreeShare, candidate.Live, SeedHash.Of(seed, candidate.Node.Id, serviceId));

    private readonly record struct Rank(int OfService, long NegativeFreeShare, int Live, ulong Tie) : IComparable<Rank>
    {
        public int CompareTo(Rank other) =>
            (OfService, NegativeFreeShare, Live, Tie).CompareTo((other.OfService, other.NegativeFreeShare, other.Live, other.Tie));
    }
}
