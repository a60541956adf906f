using System.Threading.Channels;
using Grpc.Core;
using Orchestrator.Model;

namespace Orchestrator.Control.Dispatching;

/// <summary>One agent's stream: an outbox with a single writer, and the newest view that the agent is to be told of.</summary>
internal sealed class AgentSession(string nodeId) : IDisposable
{
    private static readonly TimeSpan s_leastPause = TimeSpan.FromMilliseconds(10);

    private readonly Channel<ServerMessage> _outbox = Channel.CreateBounded<ServerMessage>(64);
    private readonly Channel<ClusterView> _views = Channel.CreateBounded<ClusterView>(
        new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropOldest });
    private readonly CancellationTokenSource _superseded = new();
    private readonly NodeAssignments _assignments = new(nodeId);

    public string NodeId => nodeId;
    public CancellationToken Superseded => _superseded.Token;

    public void Supersede() => _superseded.Cancel();

    public void Show(ClusterView view) => _views.Writer.TryWrite(view);

    /// <summary>An acknowledgement that finds no room is not worth waiting for.</summary>
    public void Acknowledge() => _outbox.Writer.TryWrite(new ServerMessage { HeartbeatAck = new HeartbeatAck() });

    public ValueTask SendAsync(ServerMessage message, CancellationToken cancellation) => _outbox.Writer.WriteAsync(message, cancellation);

    /// <summary>Sends the whole assignment, then what newer views change. A burst of changes makes few messages.</summary>
    public async Task AssignAsync(ClusterView first, CancellationToken cancellation)
    {
        EndIfRemoved(first);
        await SendAsync(new ServerMessage { Assignments = _assignments.Whole(first) }, cancellation);
        await foreach (var view in _views.Reader.ReadAllAsync(cancellation))
        {
            EndIfRemoved(view);
            if (_assignments.Difference(view) is not { } difference)
                continue;
            await SendAsync(new ServerMessage { Assignments = difference }, cancellation);
            await Task.Delay(s_leastPause, cancellation);
        }
    }

    // Its agent lives after all, and makes it a node again by registering.
    private void EndIfRemoved(ClusterView view)
    {
        if (_assignments.IsRemoved(view))
            throw new RpcException(new Status(StatusCode.Aborted, $"node {nodeId} was removed"));
    }

    public async Task WriteAsync(IServerStreamWriter<ServerMessage> stream, CancellationToken cancellation)
    {
        await foreach (var message in _outbox.Reader.ReadAllAsync(cancellation))
            await stream.WriteAsync(message, cancellation);
    }

    public void Dispose() => _superseded.Dispose();
}
