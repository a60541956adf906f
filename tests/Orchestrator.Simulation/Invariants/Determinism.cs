using Google.Protobuf;
using Orchestrator.Model;
using Orchestrator.Simulation.Running;
using Orchestrator.Simulation.Servers;

namespace Orchestrator.Simulation.Invariants;

/// <summary>Two servers that apply the same log have equal bytes, also when one of them began with a snapshot. Spot checks.</summary>
internal sealed class Determinism(SimulatedCluster cluster) : Invariant(cluster)
{
    private const ulong Every = 40;

    public override void Applied(ClusterState before, LogEntry entry)
    {
        if (entry.Revision % Every != 0)
            return;
        var change = Change.Parser.ParseFrom(entry.Change.ToByteArray());
        var start = ClusterState.FromSnapshot(StateSnapshot.Parser.ParseFrom(before.ToBytes()));
        var (state, _) = Cluster.Rules.Apply(start, change, entry.Revision, entry.Term, "another");
        if (!state.ToBytes().AsSpan().SequenceEqual(entry.State.ToBytes()))
            throw Violation($"revision {entry.Revision} is another state on another server");
    }

    public override IEnumerable<string> Unsettled() =>
        Cluster.Servers.Where(s => s.AppliedCount != Cluster.Log.Entries.Count)
            .Select(s => $"{s.Name} has applied {s.AppliedCount} of {Cluster.Log.Entries.Count} changes");
}
