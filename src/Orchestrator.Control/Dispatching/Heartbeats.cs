using Orchestrator.Model;

namespace Orchestrator.Control.Dispatching;

/// <summary>The <see cref="Liveness"/> of one leadership, shared by all sessions.</summary>
internal sealed class Heartbeats(Liveness liveness)
{
    private readonly Lock _lock = new();

    /// <summary>A leadership begins: it expects to hear from every node that counts as ready.</summary>
    public static Heartbeats Of(ClusterState state, HeartbeatRule rule, TimeProvider time) =>
        new(new Liveness(rule, time, state.Nodes.Values.Where(n => n.Status == NodeStatus.NodeReady).Select(n => n.Id)));

    public void Hear(string nodeId)
    {
        lock (_lock)
            liveness.Hear(nodeId);
    }

    public (IReadOnlyList<string> Silent, IReadOnlyList<string> Alive) Look(IEnumerable<string> nodes)
    {
        lock (_lock)
        {
            var silent = liveness.Silent();
            return (silent, [.. nodes.Where(liveness.IsAlive)]);
        }
    }
}
