using Orchestrator.Model;
using Orchestrator.Model.Scheduling;

namespace Orchestrator.Control.Api;

internal static class Replicas
{
    public static ListReplicasResponse List(ClusterState state, ListReplicasRequest request)
    {
        var replicas = request.Service.Length > 0
            ? state.ReplicasOf(Lookup.Service(state, request.Service).Id).All
            : state.Replicas.Values.Where(r => request.Stack.Length == 0 || r.Stack == request.Stack);
        return new ListReplicasResponse { Replicas = { replicas.Where(r => request.All || r.IsLive() || IsLastWord(state, r)) } };
    }

    public static WhyReplicaResponse Why(ClusterState state, string name)
    {
        var replica = Lookup.Replica(state, name);
        return new WhyReplicaResponse { Replica = replica, Nodes = { PlacementReview.Of(state, replica) } };
    }

    // A slot that will not run again says how it ended.
    private static bool IsLastWord(ClusterState state, Replica replica) => state.ReplicasOf(replica.ServiceId).Slot(replica.Slot).Newest?.Id == replica.Id;
}
