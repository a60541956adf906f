using Orchestrator.Model;
using Orchestrator.Simulation.Running;
using Orchestrator.Simulation.Servers;

namespace Orchestrator.Simulation.Invariants;

/// <summary>States only lead forward, an end is an end, what is to be shut stays so, a replica is placed once and runs one spec.</summary>
internal sealed class ReplicasAdvance(SimulatedCluster cluster) : Invariant(cluster)
{
    public override void Applied(ClusterState before, LogEntry entry)
    {
        foreach (var after in Touched.Replicas(entry.Change, entry.State))
            if (before.Replicas.TryGetValue(after.Id, out var known) && known != after)
                Check(known, after);
    }

    private void Check(Replica before, Replica after)
    {
        if (after.State() < before.State())
            throw Violation($"replica {after.Id} went back from {before.State()} to {after.State()}");
        if (after.State() == before.State() && after.Observed.Health < before.Observed.Health)
            throw Violation($"replica {after.Id} is {after.State()} and its health went back from {before.Observed.Health} to {after.Observed.Health}");
        if (!before.IsLive() && !before.Observed.Equals(after.Observed))
            throw Violation($"replica {after.Id} had ended as {before.State()} and changed to {after.State()}");
        if (after.Desired < before.Desired)
            throw Violation($"replica {after.Id} was to be shut and is wanted again");
        if (before.NodeId.Length > 0 && before.NodeId != after.NodeId)
            throw Violation($"replica {after.Id} moved from {before.NodeId} to {after.NodeId}");
        if (before.Slot != after.Slot || before.ServiceId != after.ServiceId || before.SpecRevision != after.SpecRevision || !before.Spec.Equals(after.Spec))
            throw Violation($"replica {after.Id} became another one");
    }
}
