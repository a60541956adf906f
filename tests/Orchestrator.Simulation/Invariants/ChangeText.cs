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
        Operation.KindOneofCase.SetObserved => Observed(operation.SetObserved),
        Operation.KindOneofCase.OrphanReplica => $"orphan {operation.OrphanReplica.ReplicaId}",
        Operation.KindOneofCase.RemoveReplica => $"reap {operation.RemoveReplica.ReplicaId}",
        Operation.KindOneofCase.SetNodeStatus => $"{operation.SetNodeStatus.NodeId} is {operation.SetNodeStatus.Status}",
        Operation.KindOneofCase.PutNode => $"register {operation.PutNode.Id}",
        Operation.KindOneofCase.PutStack => $"put stack {operation.PutStack.Spec.Name}",
        _ => operation.ToString(),
    };

    private static string Observed(SetObserved set) => $"{set.ReplicaId} is {set.Observed.State} {set.Observed.Health}";

    private static string Created(Replica r)
    {
        var failures = r.FailuresInRow > 0 ? $" failures {r.FailuresInRow}" : "";
        return $"create {r.Id} {r.ServiceId}.{r.Slot} {(r.NodeId.Length > 0 ? "on " + r.NodeId : "unplaced")}{failures} {r.Message}";
    }
}
