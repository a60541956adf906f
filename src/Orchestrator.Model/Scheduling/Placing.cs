namespace Orchestrator.Model.Scheduling;

/// <summary>One service's turn in a batch: its rules and how many replicas of it are where.</summary>
internal sealed class Placing(Scheduler scheduler, string serviceId, ServiceSpec spec)
{
    private readonly IReadOnlyList<Filter> _ofNode = Filter.Of(spec);
    private readonly IReadOnlyList<Filter> _ofNeighbours = [.. Neighbours.FiltersOf(serviceId, spec, scheduler)];

    public ServiceSpec Spec => spec;

    public ServiceCounts Counts { get; } = scheduler.CountsOf(serviceId);

    public bool Packs { get; } = spec.Strategy == PlacementStrategy.Binpack;

    /// <summary>Services with the same key are refused by the same nodes. Null: what else runs where counts, too.</summary>
    public string? ClassKey => _ofNeighbours.Count > 0
        ? null
        : string.Join('\n', [spec.Platform, $"{spec.Reservations}", .. spec.Constraints, .. Candidate.HostPortsOf(spec).Select(p => p.ToString())]);

    public Filter? Refusal(Candidate candidate)
    {
        foreach (var filter in _ofNode)
            if (!filter.Accepts(candidate))
                return filter;
        foreach (var filter in _ofNeighbours)
            if (!filter.Accepts(candidate))
                return filter;
        return null;
    }

    public Rank RankOf(Candidate candidate) => new(Packs ? 0 : Counts.Staying(candidate.Node.Id), candidate.Rank, Packs);

    public void PlaceOn(Candidate candidate)
    {
        candidate.Place(spec);
        Counts.Add(candidate.Node.Id);
        scheduler.Moved(candidate);
    }
}
