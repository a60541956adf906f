using Grpc.Core;
using Orchestrator.Control.Api;
using Orchestrator.Control.Leading;
using Orchestrator.Model;

namespace Orchestrator.Control.Dispatching;

/// <summary>The Dispatcher service: agents' streams to the leader's work. They end when the leadership does.</summary>
internal sealed class DispatcherEndpoint(Leader leader) : Dispatcher.DispatcherBase
{
    public override Task Session(IAsyncStreamReader<AgentMessage> requestStream, IServerStreamWriter<ServerMessage> responseStream, ServerCallContext context) =>
        ServeAsync(context, (work, nodeId, cancellation) => work.Sessions.ServeAsync(nodeId, requestStream, responseStream, cancellation));

    public override Task Attach(IAsyncStreamReader<StreamChunk> requestStream, IServerStreamWriter<StreamChunk> responseStream, ServerCallContext context) =>
        ServeAsync(context, (work, nodeId, cancellation) => work.Streams.AttachAsync(nodeId, requestStream, responseStream, cancellation));

    private async Task ServeAsync(ServerCallContext context, Func<LeaderWork, string, CancellationToken, Task> serve)
    {
        var work = await leader.CurrentAsync(context.CancellationToken);
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(context.CancellationToken, work.Lost);
        await serve(work, Caller.Of(context).Id, stop.Token);
    }
}
