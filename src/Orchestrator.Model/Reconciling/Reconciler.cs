namespace Orchestrator.Model.Reconciling;

/// <param name="Operations">What to propose, all in one change; empty when nothing is to be done.</param>
/// <param name="NextWakeMs">When to reconcile again even if nothing changes: a replica's back-off ends then.</param>
public sealed record ReconcileResult(IReadOnlyList<Operation> Operations, long? NextWakeMs);

/// <summary>Compares what is desired with what is observed. Level-triggered: only the state counts, not how it came about; and idempotent:
/// after its operations are applied there is nothing more to do at the same time, unless there were too many for one round.</summary>
public static class Reconciler
{
    /// <summary>A round that has as many looks at no further service: a change would not hold them, and the next round finds the rest.</summary>
    private const int OperationsEnough = 20_000;

    /// <param name="state">What to reconcile.</param>
    /// <param name="nowMs">The leader's clock, Unix milliseconds.</param>
    /// <param name="seed">Another one each time: ids of new replicas come from it.</param>
    public static ReconcileResult Reconcile(ClusterState state, long nowMs, ulong seed)
    {
        var round = new Round(state, nowMs, seed);
        foreach (var service in state.Unsettled.Select(id => state.Services[id]).OrderByDescending(s => s.Spec.Priority))
            if (round.Count < OperationsEnough)
                new ServiceRound(round, service).Run();
        round.PlaceAll();
        return new(round.Operations, round.WakeMs);
    }
}
