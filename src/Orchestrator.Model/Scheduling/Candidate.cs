using Orchestrator.Model.Validation;

namespace Orchestrator.Model.Scheduling;

/// <summary>A node during one batch: what it held at the start and what the batch has placed on it since.</summary>
internal sealed class Candidate(ClusterState state, Node node)
{
    private readonly Dictionary<string, int> _ofService = new(StringComparer.Ordinal);
    private List<PortSpec>? _hostPorts;

    public Node Node => node;

    public Cluster? Cluster => state.Cluster;

    public int Live { get; private set; } = state.ReplicasOn(node.Id).Live;

    public long FreeNanoCpus { get; private set; } = (node.Description?.NanoCpus ?? 0) - state.ReplicasOn(node.Id).ReservedNanoCpus;

    public long FreeMemoryBytes { get; private set; } = (node.Description?.MemoryBytes ?? 0) - state.ReplicasOn(node.Id).ReservedMemoryBytes;

    /// <summary>Free share of both resources, in thousandths of each, 0 to 2000.</summary>
    public long FreeShare =>
        Share(FreeNanoCpus, node.Description?.NanoCpus ?? 0) + Share(FreeMemoryBytes, node.Description?.MemoryBytes ?? 0);

    public int CountOf(string serviceId) => _ofService.GetValueOrDefault(serviceId);

    public void Count(string serviceId) => _ofService[serviceId] = CountOf(serviceId) + 1;

    public void Place(string serviceId, ServiceSpec spec)
    {
        Live++;
        FreeNanoCpus -= spec.Reservations?.NanoCpus ?? 0;
        FreeMemoryBytes -= spec.Reservations?.MemoryBytes ?? 0;
        _hostPorts?.AddRange(HostPortsOf(spec));
        Count(serviceId);
    }

    public bool HasFreePort(PortSpec port) => !(_hostPorts ??= HeldPorts()).Exists(held => Ports.Overlap(held, port));

    public static IEnumerable<PortSpec> HostPortsOf(ServiceSpec spec) => spec.Ports.Where(p => p.Mode == PortMode.Host && p.Published != 0);

    private static long Share(long free, long total) => total <= 0 || free <= 0 ? 0 : (long)((Int128)free * 1000 / total);

    private List<PortSpec> HeldPorts() =>
        state.ReplicasOn(node.Id).All.Values.Where(r => r.IsLive()).SelectMany(r => HostPortsOf(r.Spec)).ToList();
}
