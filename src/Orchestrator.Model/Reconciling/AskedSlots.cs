using Orchestrator.Model.Indexes;
using Orchestrator.Model.Scheduling;

namespace Orchestrator.Model.Reconciling;

/// <summary>The slots that a service asks for: 1 to replicas; of a global service one for each node that may run it, numbered by the node's block.</summary>
public sealed class AskedSlots
{
    private const int FirstBlock = 16;

    private readonly SortedDictionary<int, Node>? _nodes;

    /// <param name="service">The service; one that is being removed asks for none.</param>
    /// <param name="nodes">All of the cluster's.</param>
    /// <param name="cluster">The cluster.</param>
    internal AskedSlots(Service service, IEnumerable<Node> nodes, Cluster? cluster)
    {
        if (service.Spec.Mode == ServiceMode.Global && !service.Removing)
            _nodes = new(nodes.Where(n => MayRun(service, n, cluster)).ToDictionary(SlotOf));
        Count = service.Removing ? 0 : _nodes?.Count ?? service.Spec.Replicas;
    }

    public int Count { get; }

    public static AskedSlots Of(ClusterState state, Service service) => new(service, state.Nodes.Values, state.Cluster);

    public IEnumerable<int> All => _nodes?.Keys ?? Enumerable.Range(1, Count);

    public bool Contains(int slot) => _nodes?.ContainsKey(slot) ?? slot <= Count;

    /// <summary>The only node that the slot's replica may be on; null: any.</summary>
    internal Node? NodeOf(int slot) => _nodes?.GetValueOrDefault(slot);

    /// <summary>Those that have no replica at all.</summary>
    /// <param name="replicas">Of the service.</param>
    /// <param name="unsettled">Its slots at which there is something to do; all that are not asked for are among them.</param>
    internal IEnumerable<int> MissingFrom(ServiceReplicas replicas, IEnumerable<int> unsettled) =>
        replicas.Slots.Count - unsettled.Count(slot => !Contains(slot)) == Count
            ? []
            : All.Where(slot => !replicas.Slots.ContainsKey(slot));

    /// <summary>Of a global service, on this node.</summary>
    internal static int SlotOf(Node node) => node.Block - FirstBlock + 1;

    /// <summary>A node that is down, drained, or not allowed has no slot.</summary>
    internal static bool MayRun(Service service, Node node, Cluster? cluster) =>
        node.Status != NodeStatus.NodeDown && node.Availability == Availability.Active
        && (service.Spec.Platform.Length == 0 || Platform.Fits(service.Spec.Platform, node.Description))
        && service.Spec.Constraints.All(text => Constraint.Parse(text)?.Allows(node, cluster) ?? false);
}
