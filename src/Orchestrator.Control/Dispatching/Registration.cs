using Orchestrator.Model;

namespace Orchestrator.Control.Dispatching;

/// <summary>What a registering agent means for the state.</summary>
internal static class Registration
{
    public static IReadOnlyList<Operation> Operations(Register register, ClusterState state) =>
    [
        new Operation
        {
            PutNode = new PutNode
            {
                Id = register.NodeId,
                Hostname = register.Hostname,
                Description = register.Description,
                InitialLabels = { register.Labels },
            },
        },
        new Operation { SetNodeStatus = new NodeStatusChange { NodeId = register.NodeId, Status = NodeStatus.NodeReady } },
        .. register.Replicas.Where(r => IsOn(state, r.ReplicaId, register.NodeId)).Select(r => ObservedReports.OperationOf(register.NodeId, r)),
        .. Lost(register, state),
    ];

    // A replica that had a process which its machine no longer knows (its disk was wiped) would otherwise count as running for ever.
    private static IEnumerable<Operation> Lost(Register register, ClusterState state)
    {
        var held = register.Replicas.Select(r => r.ReplicaId).ToHashSet(StringComparer.Ordinal);
        return state.ReplicasOn(register.NodeId).All.Values
            .Where(replica => replica.IsLive() && replica.State() >= ReplicaState.Starting && !held.Contains(replica.Id))
            .Select(replica => new Operation
            {
                SetObserved = new SetObserved
                {
                    ReplicaId = replica.Id,
                    NodeId = register.NodeId,
                    Observed = new Observed { State = ReplicaState.Failed, ExitCode = -1, Message = "the node no longer holds this replica" },
                },
            });
    }

    public static bool IsOn(ClusterState state, string replicaId, string nodeId) =>
        state.Replicas.GetValueOrDefault(replicaId)?.NodeId == nodeId;
}
