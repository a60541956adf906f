using Orchestrator.Model;
using Orchestrator.Model.Reconciling;

namespace Orchestrator.Simulation.Bugs;

internal sealed class LostReplicasStay : Rules
{
    public override ReconcileResult Reconcile(ClusterState state, long nowMs, ulong seed)
    {
        var result = base.Reconcile(state, nowMs, seed);
        var lost = result.Operations.Select(o => o.OrphanReplica?.ReplicaId).OfType<string>().Select(id => state.Replicas[id])
            .Select(r => (r.ServiceId, r.Slot)).ToHashSet();
        var others = result.Operations.Where(o => o.OrphanReplica is null && (o.CreateReplica is not { } c || !lost.Contains((c.ServiceId, c.Slot))));
        return new([.. others], result.NextWakeMs);
    }
}

internal sealed class SlotFilledTwice : Rules
{
    public override ReconcileResult Reconcile(ClusterState state, long nowMs, ulong seed)
    {
        var result = base.Reconcile(state, nowMs, seed);
        return new([.. result.Operations.SelectMany(Twice)], result.NextWakeMs);
    }

    private static IEnumerable<Operation> Twice(Operation operation)
    {
        yield return operation;
        if (operation.CreateReplica is not { Slot: 3 } created)
            yield break;
        var twin = created.Clone();
        twin.Id += "2";
        yield return new Operation { CreateReplica = twin };
    }
}

internal sealed class BackOffNeverReset : Rules
{
    public override ReconcileResult Reconcile(ClusterState state, long nowMs, ulong seed)
    {
        var result = base.Reconcile(state, nowMs, seed);
        foreach (var created in result.Operations.Select(o => o.CreateReplica).OfType<Replica>())
            if (state.ReplicasOf(created.ServiceId).Slot(created.Slot).Newest is { FailuresInRow: > 0 } last)
                created.FailuresInRow = last.FailuresInRow + 1;
        return result;
    }
}
