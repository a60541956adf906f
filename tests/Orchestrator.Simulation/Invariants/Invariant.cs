using Orchestrator.Model;
using Orchestrator.Model.Reconciling;
using Orchestrator.Simulation.Running;
using Orchestrator.Simulation.Servers;
using Orchestrator.Simulation.Users;

namespace Orchestrator.Simulation.Invariants;

/// <summary>Something that must hold. One file a group; <see cref="Checks"/> lists them.</summary>
internal abstract class Invariant(SimulatedCluster cluster)
{
    protected SimulatedCluster Cluster => cluster;

    /// <summary>After every committed change.</summary>
    public virtual void Applied(ClusterState before, LogEntry entry)
    {
    }

    /// <summary>After every look of a leader, also of one that is none any more.</summary>
    public virtual void Reconciled(ClusterState state, long nowMs, ReconcileResult result)
    {
    }

    public virtual void Asked(UserRequest request)
    {
    }

    public virtual void Acknowledged(UserRequest request, ChangeResult result)
    {
    }

    /// <summary>A few times a second.</summary>
    public virtual void Look()
    {
    }

    /// <summary>What is not yet as it must be in the end.</summary>
    public virtual IEnumerable<string> Unsettled() => [];

    protected InvariantViolationException Violation(string what) => new($"{GetType().Name}: {what}");
}
