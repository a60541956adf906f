using Orchestrator.Control.Store;
using Orchestrator.Model;
using Prometheus;

namespace Orchestrator.Control.Metrics;

/// <summary>Gauges read off the state whenever somebody asks.</summary>
internal sealed class StateMetrics
{
    private readonly Gauge _term, _leader, _revision, _members, _sessions, _replicas, _nodes;

    private StateMetrics(MetricFactory factory)
    {
        _term = factory.CreateGauge("orchestrator_raft_term", "Raft term.");
        _leader = factory.CreateGauge("orchestrator_raft_leader", "1 on the leader.");
        _revision = factory.CreateGauge("orchestrator_revision", "Revision of this server's state.");
        _members = factory.CreateGauge("orchestrator_raft_members", "Voters.");
        _sessions = factory.CreateGauge("orchestrator_agent_sessions", "Agents connected to this leader.");
        _replicas = factory.CreateGauge("orchestrator_replicas", "Replicas by observed state.", "state");
        _nodes = factory.CreateGauge("orchestrator_nodes", "Nodes by status.", "status");
    }

    public static void AddTo(ControlMetrics metrics, ReplicatedStore store, Func<int> sessions)
    {
        var gauges = new StateMetrics(metrics.Factory);
        metrics.Registry.AddBeforeCollectCallback(() => gauges.Collect(store, sessions()));
    }

    private void Collect(ReplicatedStore store, int sessions)
    {
        var state = store.State;
        _term.Set(store.Term);
        _leader.Set(store.IsLeader ? 1 : 0);
        _revision.Set(state.Revision);
        _members.Set(store.Members.Count);
        _sessions.Set(sessions);
        Count(_replicas, Enum.GetValues<ReplicaState>(), state.Replicas.Values.Select(r => r.State()));
        Count(_nodes, Enum.GetValues<NodeStatus>(), state.Nodes.Values.Select(n => n.Status));
    }

    private static void Count<T>(Gauge gauge, T[] all, IEnumerable<T> values) where T : struct, Enum
    {
        var counted = values.CountBy(v => v).ToDictionary();
        foreach (var value in all)
            gauge.WithLabels(value.ToString()).Set(counted.GetValueOrDefault(value));
    }
}
