using Grpc.Core;
using Microsoft.Extensions.Logging;
using Orchestrator.Control.Store;
using Orchestrator.Model;

namespace Orchestrator.Control.Dispatching;

/// <summary>The agents' sessions at the leader, for one leadership.</summary>
internal sealed class Sessions(ReplicatedStore store, LeaderProposals proposals, HeartbeatRule rule, Heartbeats heartbeats, ILogger logger)
{
    private static readonly TimeSpan s_registerTimeout = TimeSpan.FromSeconds(5);

    private readonly Lock _lock = new();
    private readonly Dictionary<string, AgentSession> _sessions = [];
    private readonly ObservedReports _reports = new(proposals);
    private ClusterView _view = ClusterView.Of(store.State);

    public int Count
    {
        get
        {
            lock (_lock)
                return _sessions.Count;
        }
    }

    public AgentSession? Find(string nodeId)
    {
        lock (_lock)
            return _sessions.GetValueOrDefault(nodeId);
    }

    /// <summary>Serves one agent until its stream ends, a newer session of the same node takes over, or the leadership is lost.</summary>
    public async Task ServeAsync(
        string nodeId, IAsyncStreamReader<AgentMessage> requests, IServerStreamWriter<ServerMessage> responses, CancellationToken cancellation)
    {
        var register = await ReadRegisterAsync(nodeId, requests, cancellation);
        using var session = new AgentSession(nodeId);
        Enter(session);
        try
        {
            var node = await RegisterAsync(register, cancellation);
            await session.SendAsync(new ServerMessage { Registered = Registered(node) }, cancellation);
            await RunAsync(session, requests, responses, cancellation);
        }
        finally
        {
            Leave(session);
        }
    }

    /// <summary>Shows every session each new state, and commits what agents report.</summary>
    public Task RunAsync(CancellationToken cancellation) => Together.RunAsync(cancellation, _reports.RunAsync, ShowAsync);

    private async Task ShowAsync(CancellationToken cancellation)
    {
        while (true)
        {
            var state = await store.WaitForRevisionAfterAsync(_view.State.Revision, cancellation);
            lock (_lock)
            {
                _view = ClusterView.Of(state, _view);
                foreach (var session in _sessions.Values)
                    session.Show(_view);
            }
        }
    }

    private static async Task<Register> ReadRegisterAsync(string nodeId, IAsyncStreamReader<AgentMessage> requests, CancellationToken cancellation)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        limit.CancelAfter(s_registerTimeout);
        if (!await requests.MoveNext(limit.Token) || requests.Current.Register is not { } register)
            throw new RpcException(new Status(StatusCode.InvalidArgument, "a session begins with register"));
        if (register.NodeId != nodeId)
            throw new RpcException(new Status(StatusCode.PermissionDenied, $"the certificate is node {nodeId}'s, not node {register.NodeId}'s"));
        return register;
    }

    private async Task<Node> RegisterAsync(Register register, CancellationToken cancellation)
    {
        heartbeats.Hear(register.NodeId);
        var result = await proposals.ProposeAsync(Registration.Operations(register, store.State), cancellation);
        if (result.Refusal is { } refusal)
            throw new RpcException(new Status(StatusCode.FailedPrecondition, refusal.Message));
        logger.LogInformation("node {Hostname} ({NodeId}) registered", register.Hostname, register.NodeId);
        return store.State.Nodes[register.NodeId];
    }

    private async Task RunAsync(
        AgentSession session, IAsyncStreamReader<AgentMessage> requests, IServerStreamWriter<ServerMessage> responses, CancellationToken cancellation)
    {
        using var ended = CancellationTokenSource.CreateLinkedTokenSource(cancellation, session.Superseded);
        try
        {
            await Together.RunAsync(
                ended.Token,
                stop => ReadAsync(session, requests, stop),
                stop => session.WriteAsync(responses, stop),
                stop => session.AssignAsync(FirstView(), stop));
        }
        catch (OperationCanceledException) when (session.Superseded.IsCancellationRequested)
        {
            throw new RpcException(new Status(StatusCode.Aborted, $"a newer session of node {session.NodeId} took over"));
        }
    }

    private async Task ReadAsync(AgentSession session, IAsyncStreamReader<AgentMessage> requests, CancellationToken cancellation)
    {
        await foreach (var message in requests.ReadAllAsync(cancellation))
        {
            heartbeats.Hear(session.NodeId);
            if (message.Heartbeat is not null)
                session.Acknowledge();
            // One report on another node's replica would have all that is gathered with it refused.
            foreach (var report in (message.Observed?.Replicas ?? []).Where(r => Registration.IsOn(store.State, r.ReplicaId, session.NodeId)))
                await _reports.AddAsync(session.NodeId, report, cancellation);
        }
    }

    private ClusterView FirstView()
    {
        lock (_lock)
            return _view.State.Revision >= store.State.Revision ? _view : ClusterView.Of(store.State, _view);
    }

    private Registered Registered(Node node)
    {
        var registered = new Registered { HeartbeatPeriodMs = (long)rule.Period.TotalMilliseconds, Block = node.Block };
        registered.ServerAddresses.AddRange(store.State.Cluster?.Servers.Select(s => s.ApiAddress) ?? []);
        return registered;
    }

    private void Enter(AgentSession session)
    {
        lock (_lock)
        {
            if (_sessions.Remove(session.NodeId, out var older))
                older.Supersede();
            _sessions[session.NodeId] = session;
        }
    }

    private void Leave(AgentSession session)
    {
        lock (_lock)
            if (_sessions.GetValueOrDefault(session.NodeId) == session)
                _sessions.Remove(session.NodeId);
    }
}
