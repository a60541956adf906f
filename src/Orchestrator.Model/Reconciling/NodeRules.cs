using Orchestrator.Model.Scheduling;

namespace Orchestrator.Model.Reconciling;

/// <summary>What a node's condition means for the replicas on it.</summary>
internal static class NodeRules
{
    public static bool IsLost(Replica replica, Node? node) => replica.IsPlaced() && (node is null || node.Status == NodeStatus.NodeDown);

    /// <summary>It must go elsewhere: the node is drained, or the service's constraints do not allow it (any more).</summary>
    public static bool MustMove(Replica replica, Node? node, Service service, Cluster? cluster) =>
        replica.IsPlaced() && node is not null && (node.Availability == Availability.Drain || !Allows(service, node, cluster));

    private static bool Allows(Service service, Node node, Cluster? cluster) =>
        service.Spec.Constraints.All(text => Constraint.Parse(text)?.Allows(node, cluster) ?? false);
}
