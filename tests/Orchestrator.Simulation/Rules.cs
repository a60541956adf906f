using Orchestrator.Control.Dispatching;
using Orchestrator.Control.Leading;
using Orchestrator.Model;
using Orchestrator.Model.Reconciling;

namespace Orchestrator.Simulation;

/// <summary>The real decisions, each at one place where a planted bug can change it.</summary>
internal class Rules
{
    /// <param name="server">Who applies: it must make no difference.</param>
    public virtual (ClusterState State, ChangeResult Result) Apply(ClusterState state, Change change, ulong revision, ulong term, string server) =>
        state.Apply(change, revision, term);

    public virtual ReconcileResult Reconcile(ClusterState state, long nowMs, ulong seed) => Reconciler.Reconcile(state, nowMs, seed);

    public virtual ClusterView View(ClusterState state, ClusterView? before) => ClusterView.Of(state, before);

    public virtual Assignments Whole(NodeAssignments assignments, ClusterView view) => assignments.Whole(view);

    /// <summary>The node's record is gone: its session ends.</summary>
    public virtual bool IsRemoved(NodeAssignments assignments, ClusterView view) => assignments.IsRemoved(view);

    public virtual Assignments? Difference(NodeAssignments assignments, ClusterView view) => assignments.Difference(view);

    public virtual IReadOnlyList<Operation> Registration(Register register, ClusterState state) =>
        Control.Dispatching.Registration.Operations(register, state);

    public virtual bool IsOn(ClusterState state, string replicaId, string nodeId) => Control.Dispatching.Registration.IsOn(state, replicaId, nodeId);

    public virtual Heartbeats Heartbeats(ClusterState state, TimeProvider time) => Control.Dispatching.Heartbeats.Of(state, HeartbeatRule.Default, time);

    public virtual IReadOnlyList<NodeStatusChange> Statuses(ClusterState state, IReadOnlyList<string> silent, IReadOnlyList<string> alive) =>
        LivenessLoop.Changes(state, silent, alive);

    /// <summary>The term to which leader-only work is bound.</summary>
    public virtual ulong TermOf(ulong leadership) => leadership;

    /// <summary>What an agent that begins a session says that it holds.</summary>
    public virtual IEnumerable<SetObservedReport> Holds(IEnumerable<SetObservedReport> replicas) => replicas;
}
