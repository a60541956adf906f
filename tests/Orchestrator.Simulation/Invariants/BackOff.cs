using Orchestrator.Model;
using Orchestrator.Simulation.Running;
using Orchestrator.Simulation.Servers;

namespace Orchestrator.Simulation.Invariants;

/// <summary>What failed waits longer and longer, up to a minute, and a good run or a wanted end forgets it.</summary>
internal sealed class BackOff(SimulatedCluster cluster) : Invariant(cluster)
{
    private const long LongestMs = 60_000, DefaultWindowMs = 30_000;

    public override void Applied(ClusterState before, LogEntry entry)
    {
        if (entry.Result.Refusal is not null)
            return;
        foreach (var operation in entry.Change.Operations)
            if (operation.CreateReplica is { } created)
                Check(before, entry, created);
    }

    private void Check(ClusterState before, LogEntry entry, Replica created)
    {
        if (created.NotBeforeMs - entry.Change.NowMs > LongestMs)
            throw Violation($"{created.ServiceId}.{created.Slot} waits {created.NotBeforeMs - entry.Change.NowMs} ms");
        var last = before.ReplicasOf(created.ServiceId).Slot(created.Slot).All.LastOrDefault();
        if (last is null || last.IsLive() || last.State() == ReplicaState.Orphaned || entry.Change.Operations.Any(o => o.OrphanReplica?.ReplicaId == last.Id))
            return;
        var window = before.Services[created.ServiceId].Spec.Restart is { WindowMs: > 0 } policy ? policy.WindowMs : DefaultWindowMs;
        var ranMs = last.Observed.StartedMs > 0 ? last.Observed.FinishedMs - last.Observed.StartedMs : 0;
        var most = last.Desired == DesiredState.DesiredShutdown ? 0 : ranMs >= window ? 1 : last.FailuresInRow + 1;
        if (created.FailuresInRow > most)
            throw Violation($"{created.ServiceId}.{created.Slot} counts {created.FailuresInRow} failures in a row after {last.Id}, "
                + $"which ran {ranMs} ms after {last.FailuresInRow}");
    }
}
