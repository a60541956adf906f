using Orchestrator.Model;
using Orchestrator.Model.Reconciling;

namespace Orchestrator.Simulation.Bugs;

/// <summary>Instead of a successor elsewhere, the replica itself gets another node.</summary>
internal sealed class ReplicaPlacedAgain : Rules
{
    public override ReconcileResult Reconcile(ClusterState state, long nowMs, ulong seed)
    {
        var result = base.Reconcile(state, nowMs, seed);
        return new([.. result.Operations.Select(o => Again(state, o))], result.NextWakeMs);
    }

    public override (ClusterState State, ChangeResult Result) Apply(ClusterState state, Change change, ulong revision, ulong term, string server)
    {
        var moved = change.Operations.Where(o => o.AssignReplica is { } a && state.Replicas.GetValueOrDefault(a.ReplicaId)?.IsPlaced() == true).ToList();
        if (moved.Count == 0)
            return base.Apply(state, change, revision, term, server);
        var rest = change.Clone();
        foreach (var operation in moved)
            rest.Operations.Remove(operation);
        var (after, result) = base.Apply(state, rest, revision, term, server);
        var assigned = moved.Select(o => o.AssignReplica).Where(a => after.Replicas.ContainsKey(a.ReplicaId));
        return (after.With(assigned.Select(a => Moved(after.Replicas[a.ReplicaId], a.NodeId))), result);
    }

    private static Operation Again(ClusterState state, Operation operation)
    {
        if (operation.CreateReplica is not { NodeId.Length: > 0 } created)
            return operation;
        var up = state.ReplicasOf(created.ServiceId).Slot(created.Slot).All
            .LastOrDefault(r => r.IsLive() && r.Desired == DesiredState.DesiredRunning && r.IsPlaced());
        return up is null ? operation : new Operation { AssignReplica = new() { ReplicaId = up.Id, NodeId = created.NodeId } };
    }

    private static Replica Moved(Replica replica, string nodeId)
    {
        var moved = replica.Clone();
        moved.NodeId = nodeId;
        return moved;
    }
}

internal sealed class LateReportsAccepted : Rules
{
    public override (ClusterState State, ChangeResult Result) Apply(ClusterState state, Change change, ulong revision, ulong term, string server)
    {
        var (after, result) = base.Apply(state, change, revision, term, server);
        var late = change.Operations.Select(o => o.SetObserved).OfType<SetObserved>()
            .Where(s => after.Replicas.GetValueOrDefault(s.ReplicaId) is { } r && r.State() > s.Observed.State)
            .DistinctBy(s => s.ReplicaId).Select(s => StateChange.With(after.Replicas[s.ReplicaId], s.Observed)).ToList();
        return (late.Count > 0 && result.Refusal is null ? after.With(late) : after, result);
    }
}

internal sealed class HealthTakenBack : Rules
{
    public override (ClusterState State, ChangeResult Result) Apply(ClusterState state, Change change, ulong revision, ulong term, string server)
    {
        var (after, result) = base.Apply(state, change, revision, term, server);
        var late = change.Operations.Select(o => o.SetObserved).OfType<SetObserved>()
            .Where(s => after.Replicas.GetValueOrDefault(s.ReplicaId) is { } r && IsOlder(r, s.Observed))
            .DistinctBy(s => s.ReplicaId).Select(s => StateChange.With(after.Replicas[s.ReplicaId], s.Observed)).ToList();
        return (late.Count > 0 && result.Refusal is null ? after.With(late) : after, result);
    }

    private static bool IsOlder(Replica known, Observed report) =>
        known.IsLive() && known.State() == report.State && known.Observed.Health > report.Health;
}

internal sealed class ShutdownTakenBack : Rules
{
    public override (ClusterState State, ChangeResult Result) Apply(ClusterState state, Change change, ulong revision, ulong term, string server)
    {
        var (after, result) = base.Apply(state, change, revision, term, server);
        var reported = change.Operations.Select(o => o.SetObserved?.ReplicaId).OfType<string>().Distinct().Select(after.Replicas.GetValueOrDefault).OfType<Replica>()
            .Where(r => r.IsLive() && r.Desired == DesiredState.DesiredShutdown && r.State() == ReplicaState.Running).Select(Wanted).ToList();
        return (reported.Count > 0 ? after.With(reported) : after, result);
    }

    private static Replica Wanted(Replica replica)
    {
        var wanted = replica.Clone();
        wanted.Desired = DesiredState.DesiredRunning;
        return wanted;
    }
}

internal sealed class AcknowledgedChangeDropped : Rules
{
    public override (ClusterState State, ChangeResult Result) Apply(ClusterState state, Change change, ulong revision, ulong term, string server) =>
        change.RequestId.EndsWith('4')
            ? base.Apply(state, new Change { NowMs = change.NowMs, RequestId = change.RequestId }, revision, term, server)
            : base.Apply(state, change, revision, term, server);
}

internal sealed class RequestAppliedTwice : Rules
{
    public override (ClusterState State, ChangeResult Result) Apply(ClusterState state, Change change, ulong revision, ulong term, string server)
    {
        var anonymous = change.Clone();
        anonymous.RequestId = "";
        return base.Apply(state, anonymous, revision, term, server);
    }
}

/// <summary>Leader-only work is not bound to a term.</summary>
internal sealed class OldTermAccepted : Rules
{
    public override ulong TermOf(ulong leadership) => 0;
}

internal sealed class ServersDiffer : Rules
{
    public override (ClusterState State, ChangeResult Result) Apply(ClusterState state, Change change, ulong revision, ulong term, string server)
    {
        var local = change.Clone();
        local.NowMs += server.Length;
        return base.Apply(state, local, revision, term, server);
    }
}
