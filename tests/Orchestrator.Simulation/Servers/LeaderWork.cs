using Orchestrator.Control.Dispatching;
using Orchestrator.Control.Leading;
using Orchestrator.Model;
using Orchestrator.Simulation.Links;
using Orchestrator.Simulation.Running;

namespace Orchestrator.Simulation.Servers;

/// <summary>All that only the leader does, for one leadership. The decisions are the real ones; only their loops are here.</summary>
internal sealed class LeaderWork
{
    private readonly SimulatedCluster _cluster;
    private readonly SimulatedServer _server;
    private readonly Heartbeats _heartbeats;
    private readonly ReconcilingTurns _reconciling;
    private readonly Dictionary<string, LeaderSession> _sessions = new(StringComparer.Ordinal);
    private readonly List<Operation> _reports = [];
    private ClusterView _view;
    private bool _committingReports;
    private bool _showing;

    public LeaderWork(SimulatedCluster cluster, SimulatedServer server, ulong term)
    {
        (_cluster, _server, Term) = (cluster, server, term);
        _heartbeats = cluster.Rules.Heartbeats(server.State, cluster.Time);
        _reconciling = new(cluster, server, this);
        _view = cluster.Rules.View(server.State, null);
    }

    public ulong Term { get; }

    public bool IsOver { get; private set; }

    /// <summary>The server has a reason to believe that it no longer leads.</summary>
    public bool IsDoubted { get; set; }

    public void Start()
    {
        _reconciling.Look();
        LookForLife();
    }

    /// <param name="told">Whether the agents' streams are closed in an orderly way.</param>
    public void End(bool told)
    {
        IsOver = true;
        if (told)
            foreach (var session in _sessions.Values.ToList())
                session.Stream.CloseByServer();
        _sessions.Clear();
    }

    /// <summary>A newer state is applied here.</summary>
    public void SeeState()
    {
        _reconciling.SeeState();
        if (_showing)
            return;
        _showing = true;
        After(0, () =>
        {
            _showing = false;
            _view = _cluster.Rules.View(_server.State, _view);
            foreach (var session in _sessions.Values)
                session.Show(_view);
        });
    }

    public void After(long delayMs, Action action) => _server.After(delayMs, () =>
    {
        if (!IsOver)
            action();
    });

    /// <summary>Repeats until the outcome is known or the leadership ended.</summary>
    public void Propose(IReadOnlyList<Operation> operations, Action<ChangeResult> answer)
    {
        var change = new Change { NowMs = _server.WallMs, Term = _cluster.Rules.TermOf(Term), Operations = { operations } };
        _server.Propose(Term, change, result =>
        {
            if (IsOver)
                return;
            if (result is null)
                Propose(operations, answer);
            else
                answer(result);
        });
    }

    /// <summary>An agent's first message.</summary>
    public void Register(Register register, SimulatedStream stream, Action<ServerMessage> send)
    {
        var session = new LeaderSession(_cluster, this, register.NodeId, stream, send);
        if (_sessions.Remove(register.NodeId, out var older))
            older.Stream.CloseByServer();
        _sessions[register.NodeId] = session;
        stream.ServerTold = () => _server.Do(() => Leave(session));
        _heartbeats.Hear(register.NodeId);
        Propose(_cluster.Rules.Registration(register, _server.State), result => Registered(session, result));
    }

    public void Receive(LeaderSession session, AgentMessage message)
    {
        if (_sessions.GetValueOrDefault(session.NodeId) != session)
            return;
        _heartbeats.Hear(session.NodeId);
        if (message.Heartbeat is not null)
            session.Send(new ServerMessage { HeartbeatAck = new HeartbeatAck() });
        foreach (var report in message.Observed?.Replicas.Where(r => _cluster.Rules.IsOn(_server.State, r.ReplicaId, session.NodeId)) ?? [])
            _reports.Add(ObservedReports.OperationOf(session.NodeId, report));
        CommitReports();
    }

    public LeaderSession? Session(string nodeId) => _sessions.GetValueOrDefault(nodeId);

    private void Registered(LeaderSession session, ChangeResult result)
    {
        if (_sessions.GetValueOrDefault(session.NodeId) != session)
            return;
        if (result.Refusal is not null)
        {
            session.Stream.CloseByServer();
            Leave(session);
            return;
        }
        session.Send(new ServerMessage { Registered = new Registered { HeartbeatPeriodMs = (long)HeartbeatRule.Default.Period.TotalMilliseconds } });
        session.Begin(_view.State.Revision >= _server.State.Revision ? _view : _cluster.Rules.View(_server.State, _view));
    }

    private void Leave(LeaderSession session)
    {
        if (_sessions.GetValueOrDefault(session.NodeId) == session)
            _sessions.Remove(session.NodeId);
    }

    private void CommitReports()
    {
        if (_committingReports || _reports.Count == 0)
            return;
        _committingReports = true;
        Operation[] batch = [.. _reports];
        _reports.Clear();
        Propose(batch, _ =>
        {
            _committingReports = false;
            CommitReports();
        });
    }

    private void LookForLife()
    {
        var state = _server.State;
        var (silent, alive) = _heartbeats.Look(state.Nodes.Keys);
        var changes = _cluster.Rules.Statuses(state, silent, alive);
        foreach (var change in changes)
            _cluster.Trace.Write(_server.Name, $"says that {change.NodeId} is {change.Status}");
        if (changes.Count > 0)
            Propose([.. changes.Select(c => new Operation { SetNodeStatus = c })], _ => LookForLifeLater());
        else
            LookForLifeLater();
    }

    private void LookForLifeLater() => After((long)LivenessLoop.LookPeriod.TotalMilliseconds, LookForLife);
}
