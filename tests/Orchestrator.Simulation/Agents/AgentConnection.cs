using Orchestrator.Agent.Session;
using Orchestrator.Model;
using Orchestrator.Simulation.Links;
using Orchestrator.Simulation.Running;
using Orchestrator.Simulation.Servers;

namespace Orchestrator.Simulation.Agents;

/// <summary>A model of the agent's session loop: some server, one stream, registration, heartbeats, reports; anew when either end fell silent.</summary>
internal sealed class AgentConnection(SimulatedCluster cluster, SimulatedAgent agent)
{
    private const long PeriodMs = 1000, RegisteringMs = 5000, BatchingMs = 5, ShortestPauseMs = 50, LongestPauseMs = 1000;

    private SimulatedStream? _stream;
    private LeaderWork? _leader;
    private int _server = -1;
    private long _heardMs;
    private long _pauseMs = ShortestPauseMs;
    private bool _reporting;

    public long? SinceMs { get; private set; }

    public void Connect()
    {
        _server = _server < 0 ? cluster.Dice.Between(0, cluster.Servers.Count - 1) : _server % cluster.Servers.Count;
        var server = cluster.Servers[_server];
        if (!server.IsUp || !cluster.Network.ReachBoth(agent.NodeId, server.Name) || LeaderBehind(server) is not { } leader)
        {
            Retry();
            return;
        }
        var stream = _stream = leader == server
            ? cluster.Network.Open(agent.NodeId, server.Name)
            : cluster.Network.Open(agent.NodeId, server.Name, leader.Name);
        stream.ClientTold = () => agent.Do(() => End(stream));
        var register = agent.Register();
        stream.SendUp(() => leader.Do(() => Register(stream, leader, register)));
        agent.After(RegisteringMs, () =>
        {
            if (_stream == stream && SinceMs is null)
                End(stream);
        });
    }

    public void Close()
    {
        _stream?.CloseByClient();
        _stream = null;
        SinceMs = null;
    }

    public void ReportSoon()
    {
        if (_reporting || SinceMs is null)
            return;
        _reporting = true;
        agent.After(BatchingMs, () =>
        {
            _reporting = false;
            if (SinceMs is not null && agent.Reports.Take() is { Count: > 0 } reports)
                Send(new AgentMessage { Observed = new ObservedReport { Replicas = { reports } } });
        });
    }

    // A follower passes the stream on; one that knows no leader refuses it.
    private SimulatedServer? LeaderBehind(SimulatedServer server)
    {
        if (server.Work is not null)
            return server;
        return cluster.Log.Leader is { } leader && leader.IsUp && cluster.Network.ReachBoth(server.Name, leader.Name) ? leader : null;
    }

    private void Register(SimulatedStream stream, SimulatedServer server, Register register)
    {
        if (server.Work is not { } work)
        {
            stream.CloseByServer();
            return;
        }
        work.Register(register, stream, message => agent.Do(() => Receive(stream, work, message)));
    }

    private void Receive(SimulatedStream stream, LeaderWork work, ServerMessage message)
    {
        if (_stream != stream)
            return;
        _heardMs = cluster.Time.NowMs;
        if (message.Assignments is { } assignments)
            agent.Take(assignments);
        if (message.Registered is null)
            return;
        (_leader, SinceMs, _pauseMs) = (work, cluster.Time.NowMs, ShortestPauseMs);
        cluster.Trace.Write(agent.NodeId, $"has a session of term {work.Term}");
        Beat(stream);
        ReportSoon();
        agent.After(PeriodMs, () => Listen(stream));
    }

    private void Beat(SimulatedStream stream)
    {
        if (_stream != stream)
            return;
        Send(new AgentMessage { Heartbeat = new Heartbeat() });
        agent.After(PeriodMs, () => Beat(stream));
    }

    private void Listen(SimulatedStream stream)
    {
        if (_stream != stream)
            return;
        if (cluster.Time.NowMs - _heardMs > PeriodMs * AgentSession.SilentPeriodsMax)
            End(stream);
        else
            agent.After(PeriodMs, () => Listen(stream));
    }

    /// <summary>A report may be told twice, the second time late: a repeated proposal or a busy forwarder does that.</summary>
    private void Send(AgentMessage message)
    {
        var (stream, leader) = (_stream!, _leader!);
        stream.SendUp(() => Deliver(stream, leader, message));
        if (message.Observed is not null && cluster.Repeats && cluster.Dice.Chance(10))
            cluster.Time.After(cluster.Dice.Between(10, 3000), () => stream.SendUp(() => Deliver(stream, leader, message)));
    }

    private void Deliver(SimulatedStream stream, LeaderWork leader, AgentMessage message) => leader.After(0, () =>
    {
        if (leader.Session(agent.NodeId) is { } session && session.Stream == stream)
            leader.Receive(session, message);
    });

    private void End(SimulatedStream stream)
    {
        if (_stream != stream)
            return;
        cluster.Trace.Write(agent.NodeId, $"loses its session");
        Close();
        Retry();
    }

    private void Retry()
    {
        _server++;
        _pauseMs = Math.Min(LongestPauseMs, _pauseMs * 2);
        agent.After(_pauseMs * cluster.Dice.Between(50, 150) / 100, Connect);
    }
}
