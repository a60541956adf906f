using Orchestrator.Model.Indexes;
using Orchestrator.Model.Validation;

namespace Orchestrator.Model.Scheduling;

/// <summary>A node during one batch: what it held at the start and what the batch has placed on it since.</summary>
internal sealed class Candidate
{
    private readonly NodeReplicas _held;
    private List<PortSpec>? _hostPorts;
    private Dictionary<string, long>? _reservedGeneric;

    public Candidate(ClusterState state, Node node)
    {
        (Node, Cluster, _held) = (node, state.Cluster, state.ReplicasOn(node.Id));
        Live = _held.Live;
        FreeNanoCpus = (node.Description?.NanoCpus ?? 0) - _held.ReservedNanoCpus;
        FreeMemoryBytes = (node.Description?.MemoryBytes ?? 0) - _held.ReservedMemoryBytes;
        Filed = Rank;
    }

    public Node Node { get; }

    public Cluster? Cluster { get; }

    public int Live { get; private set; }

    public long FreeNanoCpus { get; private set; }

    public long FreeMemoryBytes { get; private set; }

    public bool TakesReplicas => Filter.Ready.Accepts(this) && Filter.NotDrained.Accepts(this);

    public NodeRank Rank => new(NodeRank.Share(Node, FreeNanoCpus, FreeMemoryBytes), Live, Node.Id);

    /// <summary>The rank that it has in the batch's order.</summary>
    public NodeRank Filed { get; set; }

    public void Place(ServiceSpec spec)
    {
        Live++;
        FreeNanoCpus -= spec.Reservations?.NanoCpus ?? 0;
        FreeMemoryBytes -= spec.Reservations?.MemoryBytes ?? 0;
        _hostPorts?.AddRange(HostPortsOf(spec));
        if (_reservedGeneric is not null)
            Reserve(spec);
    }

    public bool HasFreePort(PortSpec port) => !(_hostPorts ??= HeldSpecs.SelectMany(HostPortsOf).ToList()).Exists(held => Ports.Overlap(held, port));

    public long FreeGeneric(string name)
    {
        if (Node.Description?.GenericResources.TryGetValue(name, out var total) != true)
            return 0;
        if (_reservedGeneric is null)
        {
            _reservedGeneric = new(StringComparer.Ordinal);
            foreach (var spec in HeldSpecs)
                Reserve(spec);
        }
        return total - _reservedGeneric.GetValueOrDefault(name);
    }

    public static IEnumerable<PortSpec> HostPortsOf(ServiceSpec spec) => spec.Ports.Where(p => p.Mode == PortMode.Host && p.Published != 0);

    private IEnumerable<ServiceSpec> HeldSpecs => _held.All.Values.Where(r => r.IsLive()).Select(r => r.Spec);

    private void Reserve(ServiceSpec spec)
    {
        foreach (var (name, amount) in spec.Reservations?.Generic ?? [])
            _reservedGeneric![name] = _reservedGeneric.GetValueOrDefault(name) + amount;
    }
}
