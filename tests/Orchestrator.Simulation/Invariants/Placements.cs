using Orchestrator.Model;
using Orchestrator.Model.Reconciling;
using Orchestrator.Simulation.Running;
using Orchestrator.Simulation.Servers;

namespace Orchestrator.Simulation.Invariants;

/// <summary>A node is given no more than it has, and nothing is placed where it may not be.</summary>
internal sealed class Placements(SimulatedCluster cluster) : Invariant(cluster)
{
    public override void Applied(ClusterState before, LogEntry entry)
    {
        foreach (var nodeId in Touched.Replicas(entry.Change, entry.State).Select(r => r.NodeId).Where(id => id.Length > 0).Distinct().ToList())
            if (entry.State.Nodes.TryGetValue(nodeId, out var node))
                CheckNode(entry.State, node);
    }

    /// <summary>As decided: by the time it is applied the node may have gone.</summary>
    public override void Reconciled(ClusterState state, long nowMs, ReconcileResult result)
    {
        foreach (var operation in result.Operations)
            if ((operation.AssignReplica?.NodeId ?? operation.CreateReplica?.NodeId) is { Length: > 0 } nodeId)
                CheckChoice(state, nodeId, operation.CreateReplica?.ServiceId ?? state.Replicas[operation.AssignReplica!.ReplicaId].ServiceId, result);
    }

    private void CheckNode(ClusterState state, Node node)
    {
        var live = state.ReplicasOn(node.Id).All.Values.Where(r => r.IsLive()).ToList();
        var (cpus, memory) = (live.Sum(r => r.Spec.Reservations?.NanoCpus ?? 0), live.Sum(r => r.Spec.Reservations?.MemoryBytes ?? 0));
        if (cpus > node.Description.NanoCpus || memory > node.Description.MemoryBytes)
            throw Violation($"{node.Id} has {Amount.Cpus(node.Description.NanoCpus)} {Amount.Bytes(node.Description.MemoryBytes)}, "
                + $"given away are {Amount.Cpus(cpus)} {Amount.Bytes(memory)}");
        var ports = live.SelectMany(r => r.Spec.Ports.Where(p => p.Mode == PortMode.Host)).Select(p => p.Published).ToList();
        if (ports.Distinct().Count() < ports.Count)
            throw Violation($"{node.Id} has one port of the machine given away twice");
    }

    private void CheckChoice(ClusterState state, string nodeId, string serviceId, ReconcileResult result)
    {
        var (node, service) = (state.Nodes[nodeId], state.Services[serviceId]);
        var isRolledBack = result.Operations.Any(o => o.SetRollout is { RollsBack: true } back && back.ServiceId == serviceId);
        var spec = isRolledBack ? service.History.Last(v => v.Good).Spec : service.Spec;
        if (node.Status != NodeStatus.NodeReady || node.Availability != Availability.Active)
            throw Violation($"{serviceId} is placed on {nodeId}, which is {node.Status} and {node.Availability}");
        if (!Oracle.Allows(spec, node))
            throw Violation($"{serviceId} is placed on {nodeId} against {string.Join(' ', spec.Constraints)}");
    }
}
