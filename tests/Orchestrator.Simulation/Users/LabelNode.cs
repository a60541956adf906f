using Orchestrator.Model;
using Orchestrator.Simulation.Running;

namespace Orchestrator.Simulation.Users;

internal sealed class LabelNode(string nodeId, string zone) : UserAction
{
    public static UserAction? Choose(SimulatedCluster cluster, ClusterState seen) =>
        cluster.Dice.Of(seen.Nodes.Values, _ => true) is { } node ? new LabelNode(node.Id, cluster.Dice.Of(SpecChoice.Zones)) : null;

    public override string Text => $"label {nodeId} zone={zone}";

    public override string Subject => $"label of {nodeId}";

    public override Operation? ToOperation(ClusterState state) =>
        state.Nodes.ContainsKey(nodeId) ? new() { UpdateNode = new() { NodeId = nodeId, SetLabels = { ["zone"] = zone } } } : null;

    public override bool IsDone(ClusterState state) => state.Nodes.GetValueOrDefault(nodeId) is null || state.Nodes[nodeId].Labels["zone"] == zone;
}
