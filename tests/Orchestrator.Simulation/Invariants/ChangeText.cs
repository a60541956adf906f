using Orchestrator.Model;

namespace Orchestrator.Simulation.Invariants;

/// <summary>Operations in few words, for traces.</summary>
internal static class ChangeText
{
    public static string Of(Operation operation) => operation.KindCase switch
    {
        Operation.KindOneofCase.CreateReplica => Created(operation.CreateReplica),
        Operation.KindOneofCase.AssignReplica => $"assign {operation.AssignReplica.ReplicaId} to {operation.AssignReplica.NodeId}",
        Operation.KindOneofCase.SetDesired => $"shut {operation.SetDesired.ReplicaId}",
        Operation.KindOneofCase.SetMessage => $"say of {operation.SetMessage.ReplicaId}: {operation.SetMessage.Message}",
        Operation.KindOneofCase.SetObserved => $"{operation.SetObserved.ReplicaId} is {operation.SetObserved.Observed.State} {operation.SetObserved.Observed.Health}",
        Operation.KindOneofCase.OrphanReplica => $"orphan {operation.OrphanReplica.ReplicaId}",
        Operation.KindOneofCase.RemoveReplica => $"reap {operation.RemoveReplica.ReplicaId}",
        Operation.KindOneofCase.SetNodeStatus => $"{operation.SetNodeStatus.NodeId} is {operation.SetNodeStatus.Status}",
        Operation.KindOneofCase.PutNode => $"register {operation.PutNode.Id}",
        Operation.KindOneofCase.PutStack => $"put stack {operation.PutStack.Spec.Name}",
        _ => operation.ToString(),
    };

    private static string Created(Replica r) =>
        $"create {r.Id} {r.ServiceId}.{r.Slot} {(r.NodeId.Length > 0 ? "on " + r.NodeId : "unplaced")}{(r.FailuresInRow > 0 ? $" failures {r.FailuresInRow}" : "")} {r.Message}";
}
