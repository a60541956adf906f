using Orchestrator.Model;
using Orchestrator.Simulation.Running;

namespace Orchestrator.Simulation.Users;

internal sealed class RemoveNode(string nodeId) : UserAction
{
    public static UserAction? Choose(SimulatedCluster cluster, ClusterState seen) =>
        cluster.Dice.Of(seen.Nodes.Values, n => n.Status == NodeStatus.NodeDown) is { } node ? new RemoveNode(node.Id) : null;

    public override string Text => $"remove node {nodeId}";

    public override string Subject => $"record of {nodeId}";

    // A machine that registers again begins as a new node.
    public override bool Replaces(UserAction other) => other.Subject.EndsWith($" of {nodeId}", StringComparison.Ordinal);

    // As the API: a live agent would only register again.
    public override Operation? ToOperation(ClusterState state) =>
        state.Nodes.GetValueOrDefault(nodeId) is { Status: not NodeStatus.NodeReady } ? new() { RemoveNode = new() { NodeId = nodeId } } : null;

    public override bool IsDone(ClusterState state) => true;
}
