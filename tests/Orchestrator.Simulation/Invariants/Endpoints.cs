using Orchestrator.Engine.Containers;
using Orchestrator.Model;
using Orchestrator.Simulation.Agents;
using Orchestrator.Simulation.Running;
using Orchestrator.Simulation.Servers;

namespace Orchestrator.Simulation.Invariants;

/// <summary>Behind a service's name are its serving replicas: what an agent with a good connection has is at most a few seconds old, and nobody who is really
/// dead stays behind it while the control plane works.</summary>
internal sealed class Endpoints(SimulatedCluster cluster) : Invariant(cluster)
{
    private const long LagMs = 4000, DeadMs = 12_000;

    private readonly Dictionary<string, long> _lastBackendMs = new(StringComparer.Ordinal);
    private readonly Dictionary<string, long> _deadSinceMs = new(StringComparer.Ordinal);

    public override void Applied(ClusterState before, LogEntry entry)
    {
        foreach (var replica in Touched.Replicas(entry.Change, entry.State))
            if (Oracle.IsBackend(entry.State, replica))
                _lastBackendMs[replica.Id] = Cluster.Time.NowMs;
    }

    public override void Look()
    {
        var (state, now) = (Cluster.Log.Newest, Cluster.Time.NowMs);
        var backends = state.Replicas.Values.Where(r => Oracle.IsBackend(state, r)).ToList();
        foreach (var backend in backends)
            _lastBackendMs[backend.Id] = now;
        foreach (var backend in backends)
            CheckAlive(backend, now);
        foreach (var agent in Cluster.Agents.Where(IsWellConnected))
            CheckTold(agent, now);
    }

    public override IEnumerable<string> Unsettled()
    {
        var state = Cluster.Log.Newest;
        var backends = state.Replicas.Values.Where(r => Oracle.IsBackend(state, r)).Select(r => r.Id).Order(StringComparer.Ordinal).ToList();
        foreach (var agent in Cluster.Agents)
            if (!Told(agent).Order(StringComparer.Ordinal).SequenceEqual(backends))
                yield return $"{agent.NodeId} has the backends {string.Join(' ', Told(agent))}, there are {string.Join(' ', backends)}";
    }

    private static IEnumerable<string> Told(SimulatedAgent agent) =>
        agent.Plane.Endpoints.SelectMany(e => e.Networks).SelectMany(n => n.Backends).Select(b => b.ReplicaId);

    private void CheckTold(SimulatedAgent agent, long now)
    {
        foreach (var id in Told(agent))
            if (!_lastBackendMs.TryGetValue(id, out var last))
                throw Violation($"{agent.NodeId} sends to {id}, which never was a backend");
            else if (now - last > LagMs)
                throw Violation($"{agent.NodeId} still sends to {id}, which is no backend since {now - last} ms");
    }

    private void CheckAlive(Replica backend, long now)
    {
        var machine = Cluster.Machine(backend.NodeId)!;
        if (machine.IsOn && machine.Containers.GetValueOrDefault(backend.Id) is { State: ContainerState.Running })
        {
            _deadSinceMs.Remove(backend.Id);
            return;
        }
        var since = _deadSinceMs[backend.Id] = _deadSinceMs.GetValueOrDefault(backend.Id, now);
        if (now - since > DeadMs && IsQuiet(DeadMs))
            throw Violation($"{backend.Id} on {backend.NodeId} is dead for {now - since} ms and still a backend");
    }

    private bool IsWellConnected(SimulatedAgent agent) =>
        !agent.IsPaused && agent.Machine.SlowMs == 0 && agent.ConnectedSinceMs is { } since && IsQuiet(LagMs)
        && Cluster.Time.NowMs - Math.Max(since, Math.Max(agent.ResumedMs, agent.Machine.SlowChangedMs)) > LagMs;

    /// <summary>So long nothing was wrong with servers and network.</summary>
    private bool IsQuiet(long forMs) =>
        Cluster.Log.SteadySinceMs is { } steady && Cluster.Time.NowMs - Math.Max(steady, Cluster.Network.ChangedMs) > forMs && Cluster.Network.IsWhole;
}
