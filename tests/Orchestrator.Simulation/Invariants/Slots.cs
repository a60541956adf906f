using Orchestrator.Model;
using Orchestrator.Model.Reconciling;
using Orchestrator.Simulation.Running;

namespace Orchestrator.Simulation.Invariants;

/// <summary>What the reconciler decides can be applied, leaves nothing to decide at the same moment, and leaves each asked slot with one keeper.</summary>
internal sealed class Slots(SimulatedCluster cluster) : Invariant(cluster)
{
    public override void Reconciled(ClusterState state, long nowMs, ReconcileResult result)
    {
        if (result.Operations.Count == 0)
        {
            Check(state);
            return;
        }
        var change = new Change { NowMs = nowMs, Operations = { result.Operations } };
        var (next, outcome) = Cluster.Rules.Apply(state, change, state.Revision + 1, state.Term, "check");
        if (outcome.Refusal is { } refusal)
            throw Violation($"what was decided on revision {state.Revision} cannot be applied to it: {refusal.Message}");
        CheckAgain(next, nowMs, $"what was decided on revision {state.Revision} ({Text(result.Operations)})");
        Check(next);
    }

    // Only the words for people may need another round: they tell of the batch as it was when it came to them.
    private void CheckAgain(ClusterState next, long nowMs, string decided)
    {
        var again = Cluster.Rules.Reconcile(next, nowMs, 7).Operations;
        if (again.Any(o => o.SetMessage is null))
            throw Violation($"{decided} leaves at the same time: {Text(again)}");
        if (again.Count == 0)
            return;
        var change = new Change { NowMs = nowMs, Operations = { again } };
        var (last, _) = Cluster.Rules.Apply(next, change, next.Revision + 1, next.Term, "check");
        if (Cluster.Rules.Reconcile(last, nowMs, 9).Operations is { Count: > 0 } more)
            throw Violation($"{decided} and then ({Text(again)}) leave at the same time: {Text(more)}");
    }

    private void Check(ClusterState state)
    {
        foreach (var service in state.Services.Values)
            foreach (var (number, slot) in state.ReplicasOf(service.Id).Slots)
            {
                var up = slot.All.Where(r => r.IsLive() && r.Desired == DesiredState.DesiredRunning).ToList();
                if (up.Count > 0 && (service.Removing || number < 1 || number > service.Spec.Replicas))
                    throw Violation($"{service.Id}.{number} is wanted, asked are {service.Spec.Replicas}{(service.Removing ? ", it is being removed" : "")}");
                if (up.Count > 2 || up.Count(r => r.IsServing()) > 1)
                    throw Violation($"{service.Id}.{number} has {up.Count} replicas, {up.Count(r => r.IsServing())} of them serve: {string.Join(' ', up.Select(r => r.Id))}");
            }
    }

    private static string Text(IEnumerable<Operation> operations) => string.Join("; ", operations.Select(ChangeText.Of));
}
