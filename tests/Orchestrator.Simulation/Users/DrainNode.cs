using Orchestrator.Model;
using Orchestrator.Simulation.Running;

namespace Orchestrator.Simulation.Users;

internal sealed class DrainNode(string nodeId, Availability availability) : UserAction
{
    public static UserAction? Choose(SimulatedCluster cluster, ClusterState seen) =>
        cluster.Dice.Of(seen.Nodes.Values, _ => true) is { } node
            ? new DrainNode(node.Id, node.Availability == Availability.Active ? Availability.Drain : Availability.Active)
            : null;

    public override string Text => $"{(availability == Availability.Drain ? "drain" : "activate")} {nodeId}";

    public override string Subject => $"availability of {nodeId}";

    public override Operation? ToOperation(ClusterState state) =>
        state.Nodes.ContainsKey(nodeId) ? new() { UpdateNode = new() { NodeId = nodeId, Availability = availability } } : null;

    public override bool IsDone(ClusterState state) => state.Nodes.GetValueOrDefault(nodeId) is null || state.Nodes[nodeId].Availability == availability;
}
