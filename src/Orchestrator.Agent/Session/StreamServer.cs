using Google.Protobuf;
using Grpc.Core;
using Microsoft.Extensions.Logging;
using Orchestrator.Agent.Replicas;
using Orchestrator.Engine.Containers;
using Orchestrator.Engine.Logs;
using Orchestrator.Model;

namespace Orchestrator.Agent.Session;

/// <summary>Serves the logs and exec streams that a server asks for: each on a call of its own, at its reader's pace.</summary>
internal sealed class StreamServer(
    Dispatcher.DispatcherClient client, ReplicaTable replicas, ContainerEngine engine, ILogger logger, CancellationToken stopping)
{
    public void Serve(OpenStream open) => _ = Task.Run(() => ServeAsync(open));

    private async Task ServeAsync(OpenStream open)
    {
        try
        {
            using var call = client.Attach(cancellationToken: stopping);
            await call.RequestStream.WriteAsync(new StreamChunk { Open = open.StreamId }, stopping);
            var reading = open switch
            {
                { Logs: { } logs } => await ServeLogsAsync(call, open.ReplicaId, logs),
                { Exec: { } exec } => await ServeExecAsync(call, open.ReplicaId, exec),
                _ => Task.CompletedTask,
            };
            await call.RequestStream.WriteAsync(new StreamChunk { End = true }, stopping);
            await call.RequestStream.CompleteAsync();
            // The server ends its side when it has all of ours; leaving earlier would cut it off.
            await reading;
        }
#pragma warning disable CA1031 // The top of the stream.
        catch (Exception e)
#pragma warning restore CA1031
        {
            logger.LogDebug("stream {Stream} of replica {Id} ended: {Message}", open.StreamId, open.ReplicaId, e.Message);
        }
    }

    private async Task<Task> ServeLogsAsync(AsyncDuplexStreamingCall<StreamChunk, StreamChunk> call, string replicaId, LogsRequest request)
    {
        var name = replicas.NameOf(replicaId);
        if (replicas.FindContainer(replicaId) is not { } container)
        {
            await call.RequestStream.WriteAsync(
                new StreamChunk { Log = new LogLine { ReplicaId = replicaId, ReplicaName = name, Error = "it has no container yet" } }, stopping);
            return DrainAsync(call.ResponseStream);
        }
        // Not disposed here: the reading that is answered still uses it.
        var closed = CancellationTokenSource.CreateLinkedTokenSource(stopping);
        var watch = CancelWhenClosedAsync(call.ResponseStream, closed);
        var query = new LogQuery(request.Tail, request.SinceMs * 1_000_000, request.Follow);
        await foreach (var entry in container.ReadLogs(query, closed.Token))
            await call.RequestStream.WriteAsync(new StreamChunk { Log = ToLine(replicaId, name, entry) }, closed.Token);
        return watch;
    }

    private static LogLine ToLine(string replicaId, string name, LogEntry entry) => new()
    {
        ReplicaId = replicaId, ReplicaName = name, TimeNs = entry.TimeNs, Stderr = entry.Stderr, Text = UnsafeByteOperations.UnsafeWrap(entry.Text),
    };

    private async Task CancelWhenClosedAsync(IAsyncStreamReader<StreamChunk> reader, CancellationTokenSource closed)
    {
        try
        {
            await DrainAsync(reader);
        }
        catch (Exception e) when (e is RpcException or OperationCanceledException or ObjectDisposedException)
        {
            // The call itself tells the writer.
        }
        await closed.CancelAsync();
        closed.Dispose();
    }

    // Never with a token that ends earlier than the call: cancelling a read cuts the call off in both directions.
    private async Task DrainAsync(IAsyncStreamReader<StreamChunk> reader)
    {
        while (await reader.MoveNext(stopping))
        {
        }
    }

    private async Task<Task> ServeExecAsync(AsyncDuplexStreamingCall<StreamChunk, StreamChunk> call, string replicaId, ExecStart start)
    {
        try
        {
            var container = replicas.FindContainer(replicaId) ?? throw new ContainerException($"replica {replicaId} has no container");
            var options = new ExecOptions([.. start.Command])
            {
                Tty = start.Tty, User = start.User, WorkingDirectory = start.WorkingDir, Environment = new Dictionary<string, string>(start.Environment),
            };
            await using var session = engine.Exec(container, options);
            if (start.Size is { } size)
                session.Resize(size.Columns, size.Rows);
            if (!start.Interactive)
                session.Input.Close();
            using var relay = new ExecRelay(session, call, stopping);
            return await relay.RunAsync();
        }
        catch (ContainerException e)
        {
            await call.RequestStream.WriteAsync(new StreamChunk { Output = new ExecOutput { Error = e.Message } }, stopping);
            return DrainAsync(call.ResponseStream);
        }
    }
}
