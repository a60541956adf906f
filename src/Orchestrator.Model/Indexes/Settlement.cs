using Orchestrator.Model.Reconciling;

namespace Orchestrator.Model.Indexes;

/// <summary>A slot is settled when the reconciler would find nothing to do there: one replica of the current spec on a node where it may be
/// (serving or on its way there), nothing stopping, no history to cut.</summary>
internal static class Settlement
{
    public static bool IsSettled(SlotReplicas slot, int number, Service? service, Func<string, Node?> node, Cluster? cluster)
    {
        if (service is null || service.Removing || IsBeyond(service, number) || slot.All.Length > ServiceRound.HistoryMax + 1)
            return false;
        var live = 0;
        foreach (var replica in slot.All)
        {
            if (!replica.IsLive())
                continue;
            live++;
            if (!IsAsAsked(replica, service, node(replica.NodeId), cluster) || !IsAtHome(service, number, node(replica.NodeId), cluster))
                return false;
        }
        return live == 1;
    }

    private static bool IsBeyond(Service service, int number) => service.Spec.Mode != ServiceMode.Global && number > service.Spec.Replicas;

    private static bool IsAtHome(Service service, int number, Node? node, Cluster? cluster) =>
        service.Spec.Mode != ServiceMode.Global || (node is not null && AskedSlots.SlotOf(node) == number && AskedSlots.MayRun(service, node, cluster));

    private static bool IsAsAsked(Replica replica, Service service, Node? node, Cluster? cluster) =>
        replica.Desired == DesiredState.DesiredRunning && replica.SpecRevision == service.SpecRevision && replica.IsPlaced()
        && !NodeRules.IsLost(replica, node) && !NodeRules.MustMove(replica, node, service, cluster);
}
