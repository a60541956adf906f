using Orchestrator.Control.Dispatching;
using Orchestrator.Model;

namespace Orchestrator.Simulation.Bugs;

internal sealed class RemovalForgotten : Rules
{
    public override Assignments? Difference(NodeAssignments assignments, ClusterView view)
    {
        var difference = base.Difference(assignments, view);
        difference?.Remove.Clear();
        return difference;
    }
}

internal sealed class ShutdownForgotten : Rules
{
    public override Assignments? Difference(NodeAssignments assignments, ClusterView view)
    {
        var difference = base.Difference(assignments, view);
        foreach (var shut in difference?.Put.Where(a => a.Desired == DesiredState.DesiredShutdown).ToList() ?? [])
            difference!.Put.Remove(shut);
        return difference;
    }
}

internal sealed class EndpointsIncludeUnhealthy : Rules
{
    public override ClusterView View(ClusterState state, ClusterView? before) =>
        base.View(state.With(state.Replicas.Values.Where(r => r.State() == ReplicaState.Running && !r.IsServing()).Select(Healthy)), null);

    private static Replica Healthy(Replica replica)
    {
        var healthy = replica.Clone();
        healthy.Observed.Health = Health.Healthy;
        return healthy;
    }
}

internal sealed class EndedStartedAgain : Rules
{
    public override Assignments Whole(NodeAssignments assignments, ClusterView view) => AsWanted(base.Whole(assignments, view), view);

    private static Assignments AsWanted(Assignments told, ClusterView view)
    {
        foreach (var assignment in told.Put)
            assignment.Desired = view.State.Replicas[assignment.ReplicaId].Desired;
        return told;
    }
}

internal sealed class NewLeaderExpectsNobody : Rules
{
    public override Heartbeats Heartbeats(ClusterState state, TimeProvider time) => base.Heartbeats(ClusterState.Empty, time);
}

internal sealed class LostByMachineUnnoticed : Rules
{
    public override IReadOnlyList<Operation> Registration(Register register, ClusterState state) =>
        [.. base.Registration(register, state).Where(o => o.SetObserved is not { Observed.ExitCode: -1 })];
}

internal sealed class RegistrationTellsNothing : Rules
{
    public override IReadOnlyList<Operation> Registration(Register register, ClusterState state) =>
        [.. base.Registration(register, state).Where(o => o.SetObserved is null)];
}
