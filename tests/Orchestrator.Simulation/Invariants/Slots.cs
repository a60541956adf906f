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
            if (round > RoundsMax || (!rollsBack && !again.All(o => IsWords(next, o))))
                throw Violation($"{decided} leaves in round {round} at the same time: {Text(again)}");
            var change = new Change { NowMs = nowMs, Operations = { again } };
            (next, _) = Cluster.Rules.Apply(next, change, next.Revision + 1, next.Term, "check");
        }
    }

    private static bool IsWords(ClusterState state, Operation operation) =>
        operation.SetMessage is not null
        || (operation.SetRollout is { RollsBack: false } set && state.Services[set.ServiceId].Rollout.State == set.State);

    private void Check(ClusterState state)
    {
        foreach (var service in state.Services.Values)
        {
            var asked = AskedSlots.Of(state, service);
            foreach (var (number, slot) in state.ReplicasOf(service.Id).Slots)
            {
                var up = slot.All.Where(r => r.IsLive() && r.Desired == DesiredState.DesiredRunning).ToList();
                if (up.Count > 0 && (service.Removing || !asked.Contains(number)))
                    throw Violation($"{service.Id}.{number} is wanted, asked are {asked.Count}{(service.Removing ? ", it is being removed" : "")}");
                if (up.Count > 2 || up.Where(r => r.IsServing()).CountBy(r => KeepsOld(service) ? r.SpecRevision : 0).Any(c => c.Value > 1))
                    throw Violation($"{service.Id}.{number} has {up.Count} replicas, {up.Count(r => r.IsServing())} serve: {string.Join(' ', up.Select(r => r.Id))}");
            }
        }
    }

    // Start-first: the old one serves until the new one has proved itself. A rollback may be stop-first and find such a pair.
    private static bool KeepsOld(Service service) =>
        service.Spec.Update?.Order == RolloutOrder.StartFirst || service.History.Any(v => v.Spec.Update?.Order == RolloutOrder.StartFirst);

    private static string Text(IEnumerable<Operation> operations) => string.Join("; ", operations.Select(ChangeText.Of));
}
