namespace Orchestrator.Model;

/// <summary>Questions asked of a replica everywhere.</summary>
public static class ReplicaStates
{
    public static ReplicaState State(this Replica replica) => replica.Observed?.State ?? ReplicaState.New;

    /// <summary>Final states are never left.</summary>
    public static bool IsFinal(this ReplicaState state) => state >= ReplicaState.Complete;

    /// <summary>Not ended: it holds its reservation on its node.</summary>
    public static bool IsLive(this Replica replica) => !replica.State().IsFinal();

    public static bool IsPlaced(this Replica replica) => replica.NodeId.Length > 0;

    /// <summary>Running and, where there is a check, healthy.</summary>
    public static bool IsServing(this Replica replica) =>
        replica.State() == ReplicaState.Running && replica.Observed.Health is Health.None or Health.Healthy;

    /// <summary>A copy that shares the parts that are replaced whole, never changed: the spec and what was observed.</summary>
    internal static Replica Copy(this Replica replica) => new()
    {
        Id = replica.Id,
        ServiceId = replica.ServiceId,
        Stack = replica.Stack,
        Service = replica.Service,
        Slot = replica.Slot,
        Revision = replica.Revision,
        SpecRevision = replica.SpecRevision,
        NodeId = replica.NodeId,
        Desired = replica.Desired,
        Observed = replica.Observed,
        Message = replica.Message,
        CreatedMs = replica.CreatedMs,
        NotBeforeMs = replica.NotBeforeMs,
        FailuresInRow = replica.FailuresInRow,
        Spec = replica.Spec,
        CreatedRevision = replica.CreatedRevision,
        RunningMs = replica.RunningMs,
    };
}
