using Orchestrator.Control.Dispatching;
using Orchestrator.Model;
using Orchestrator.Simulation.Links;
using Orchestrator.Simulation.Running;

namespace Orchestrator.Simulation.Servers;

/// <summary>The leader's end of one agent's stream: the whole assignment, then what newer views change. Of views that come faster than it sends, the
/// newest counts.</summary>
internal sealed class LeaderSession(SimulatedCluster cluster, LeaderWork work, string nodeId, SimulatedStream stream, Action<ServerMessage> send)
{
    private const long LeastPauseMs = 10;

    private readonly NodeAssignments _assignments = new(nodeId);
    private ClusterView? _next;
    private bool _begun;
    private bool _pausing;

    public string NodeId => nodeId;

    public SimulatedStream Stream => stream;

    public void Send(ServerMessage message) => stream.SendDown(() => send(message));

    public void Begin(ClusterView view)
    {
        if (EndIfRemoved(view))
            return;
        _begun = true;
        Send(new ServerMessage { Assignments = cluster.Rules.Whole(_assignments, view) });
        Tell();
    }

    public void Show(ClusterView view)
    {
        _next = view;
        Tell();
    }

    private void Tell()
    {
        if (!_begun || _pausing || _next is not { } view)
            return;
        _next = null;
        if (EndIfRemoved(view) || cluster.Rules.Difference(_assignments, view) is not { } difference)
            return;
        Send(new ServerMessage { Assignments = difference });
        _pausing = true;
        work.After(LeastPauseMs, () =>
        {
            _pausing = false;
            Tell();
        });
    }

    private bool EndIfRemoved(ClusterView view)
    {
        var removed = cluster.Rules.IsRemoved(_assignments, view);
        if (removed)
            stream.CloseByServer();
        return removed;
    }
}
