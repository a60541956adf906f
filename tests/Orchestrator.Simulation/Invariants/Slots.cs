using Orchestrator.Model;
using Orchestrator.Model.Reconciling;
using Orchestrator.Simulation.Running;

namespace Orchestrator.Simulation.Invariants;

/// <summary>What the reconciler decides can be applied, leaves nothing to decide at the same moment, and leaves each asked slot with one keeper.</summary>
internal sealed class Slots(SimulatedCluster cluster) : Invariant(cluster)
{
    private const int RoundsMax = 5;

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
        // What waits for a service that is rolled back sees that only afterwards.
        var rollsBack = result.Operations.Any(o => o.SetRollout is { RollsBack: true });
        CheckAgain(next, nowMs, rollsBack, $"what was decided on revision {state.Revision} ({Text(result.Operations)})");
        Check(next);
    }

    // Words for people may need another round: they tell of the batch as it was when it came to them.
    private void CheckAgain(ClusterState next, long nowMs, bool rollsBack, string decided)
    {
        for (var round = 2; Cluster.Rules.Reconcile(next, nowMs, (ulong)round).Operations is { Count: > 0 } again; round++)
        {
            if (round > RoundsMax || (!rollsBack && again.Any(o => o.SetMessage is null)))
                throw Violation($"{decided} leaves in round {round} at the same time: {Text(again)}");
            var change = new Change { NowMs = nowMs, Operations = { again } };
            (next, _) = Cluster.Rules.Apply(next, change, next.Revision + 1, next.Term, "check");
        }
    }

    private void Check(ClusterState state)
    {
        foreach (var service in state.Services.Values)
            foreach (var (number, slot) in state.ReplicasOf(service.Id).Slots)
            {
                var up = slot.All.Where(r => r.IsLive() && r.Desired == DesiredState.DesiredRunning).ToList();
                if (up.Count > 0 && (service.Removing || number < 1 || number > service.Spec.Replicas))
                    throw Violation($"{service.Id}.{number} is wanted, asked are {service.Spec.Replicas}{(service.Removing ? ", it is being removed" : "")}");
                if (up.Count > 2 || up.Where(r => r.IsServing()).CountBy(r => service.Spec.Update?.Order == RolloutOrder.StartFirst || service.IsRollback() ? r.SpecRevision : 0).Any(c => c.Value > 1))
                    throw Violation($"{service.Id}.{number} has {up.Count} replicas, {up.Count(r => r.IsServing())} serve: {string.Join(' ', up.Select(r => r.Id))}");
            }
    }

    private static string Text(IEnumerable<Operation> operations) => string.Join("; ", operations.Select(ChangeText.Of));
}
