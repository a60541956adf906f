namespace Orchestrator.Control.Dispatching;

/// <summary>The <see cref="Liveness"/> of one leadership, shared by all sessions.</summary>
internal sealed class Heartbeats(Liveness liveness)
{
    private readonly Lock _lock = new();

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
