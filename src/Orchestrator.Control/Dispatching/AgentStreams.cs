using System.Collections.Concurrent;
using Grpc.Core;
using Orchestrator.Model;

namespace Orchestrator.Control.Dispatching;

/// <summary>No stream to the agent: the message says why, for people.</summary>
public sealed class AgentUnreachableException(string message) : Exception(message);

/// <summary>Brings together the server that asks for a stream and the agent that answers by attaching.</summary>
internal sealed class AgentStreams(Sessions sessions)
{
    private static readonly TimeSpan s_timeout = TimeSpan.FromSeconds(5);

    private readonly ConcurrentDictionary<string, Awaited> _awaited = new();

    /// <exception cref="AgentUnreachableException">The node has no session, or does not answer.</exception>
    public async Task<AgentStream> OpenAsync(string nodeId, OpenStream request, CancellationToken cancellation)
    {
        var session = sessions.Find(nodeId) ?? throw new AgentUnreachableException($"node {nodeId} is not connected");
        request.StreamId = Guid.NewGuid().ToString("N");
        var awaited = _awaited[request.StreamId] = new Awaited(nodeId, new(TaskCreationOptions.RunContinuationsAsynchronously));
        try
        {
            await session.SendAsync(new ServerMessage { OpenStream = request }, cancellation);
            return await awaited.Stream.Task.WaitAsync(s_timeout, cancellation);
        }
        catch (TimeoutException)
        {
            throw new AgentUnreachableException($"node {nodeId} does not answer");
        }
        finally
        {
            _awaited.TryRemove(request.StreamId, out _);
        }
    }

    /// <summary>Holds the agent's call open for as long as the stream is used.</summary>
    public async Task AttachAsync(
        string nodeId, IAsyncStreamReader<StreamChunk> reader, IServerStreamWriter<StreamChunk> writer, CancellationToken cancellation)
    {
        if (!await reader.MoveNext(cancellation) || reader.Current.KindCase != StreamChunk.KindOneofCase.Open)
            throw new RpcException(new Status(StatusCode.InvalidArgument, "an attached stream begins with open"));
        using var stream = new AgentStream(reader, writer);
        if (!_awaited.TryGetValue(reader.Current.Open, out var awaited) || awaited.NodeId != nodeId || !awaited.Stream.TrySetResult(stream))
            throw new RpcException(new Status(StatusCode.NotFound, "nobody waits for this stream"));
        await stream.Ended.WaitAsync(cancellation);
    }

    private sealed record Awaited(string NodeId, TaskCompletionSource<AgentStream> Stream);
}
