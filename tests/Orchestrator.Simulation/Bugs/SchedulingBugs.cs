using Orchestrator.Model;
using Orchestrator.Model.Reconciling;

namespace Orchestrator.Simulation.Bugs;

internal sealed class SchedulerIgnoresMemory : Rules
{
    public override ReconcileResult Reconcile(ClusterState state, long nowMs, ulong seed) => base.Reconcile(state.With(Endless), nowMs, seed);

    private static Node Endless(Node node)
    {
        node.Description.MemoryBytes = long.MaxValue / 4;
        return node;
    }
}

internal sealed class SchedulerIgnoresDrain : Rules
{
    public override ReconcileResult Reconcile(ClusterState state, long nowMs, ulong seed) => base.Reconcile(state.With(Active), nowMs, seed);

    private static Node Active(Node node)
    {
        node.Availability = Availability.Active;
        return node;
    }
}
