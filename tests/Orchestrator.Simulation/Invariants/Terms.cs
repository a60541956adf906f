using Orchestrator.Model;
using Orchestrator.Simulation.Running;
using Orchestrator.Simulation.Servers;

namespace Orchestrator.Simulation.Invariants;

/// <summary>What an ended leadership decided is not applied once there is something of the next one.</summary>
internal sealed class Terms(SimulatedCluster cluster) : Invariant(cluster)
{
    public override void Applied(ClusterState before, LogEntry entry)
    {
        if (entry.State.Term < before.Term || entry.State.Revision != entry.Revision)
            throw Violation($"revision {entry.Revision} of term {entry.State.Term} came after revision {before.Revision} of term {before.Term}");
        if (entry.Change.RequestId.Length == 0 && entry.DecidedIn < entry.State.Term && entry.Result.Refusal is null)
            throw Violation($"revision {entry.Revision} was decided in term {entry.DecidedIn} and applied in term {entry.State.Term}");
    }
}
