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
    private static readonly TimeSpan s_pause = TimeSpan.FromMilliseconds(100);

    public void Serve(OpenStream open) => _ = Task.Run(() => ServeAsync(open));

    private async Task ServeAsync(OpenStream open)
    {
        try
        {
            using var call = client.Attach(cancellationToken: stopping);
            await call.RequestStream.WriteAsync(new StreamChunk { Open = open.StreamId }, stopping);
            if (open.Logs is not null)
                await ServeLogsAsync(call, open.ReplicaId, open.Logs);
            else if (open.Exec is not null)
                await ServeExecAsync(call, open.ReplicaId, open.Exec);
        }
#pragma warning disable CA1031 // The top of the stream.
        catch (Exception e)
#pragma warning restore CA1031
        {
            logger.LogDebug("stream {Stream} of replica {Id} ended: {Message}", open.StreamId, open.ReplicaId, e.Message);
        }
    }

    private async Task ServeLogsAsync(AsyncDuplexStreamingCall<StreamChunk, StreamChunk> call, string replicaId, LogsRequest request)
    {
        using var closed = CancellationTokenSource.CreateLinkedTokenSource(stopping);
        var reading = ReadAsync(call.ResponseStream, _ => Task.CompletedTask, closed.Cancel);
        var name = replicas.NameOf(replicaId);
        if (await FindContainerAsync(replicaId, request.Follow, closed.Token) is { } container)
            await foreach (var entry in container.ReadLogs(new LogQuery(request.Tail, request.SinceMs * 1_000_000, request.Follow), closed.Token))
                await call.RequestStream.WriteAsync(new StreamChunk { Log = ToLine(replicaId, name, entry) }, closed.Token);
        await EndAsync(call, reading);
    }

    /// <summary>A follower waits for the container to come. Null: it has said nothing, and will say nothing any more.</summary>
    private async Task<Container?> FindContainerAsync(string replicaId, bool wait, CancellationToken cancellationToken)
    {
        while (wait && replicas.FindContainer(replicaId) is null && replicas.IsUnderWay(replicaId))
            await Task.Delay(s_pause, cancellationToken);
        return replicas.FindContainer(replicaId);
    }

    /// <summary>The server ends its side when it has all of ours; leaving earlier would cut it off.</summary>
    private async Task EndAsync(AsyncDuplexStreamingCall<StreamChunk, StreamChunk> call, Task reading)
    {
        await call.RequestStream.WriteAsync(new StreamChunk { End = true }, stopping);
        await call.RequestStream.CompleteAsync();
        await reading;
    }

    private async Task ReadAsync(IAsyncStreamReader<StreamChunk> reader, Func<StreamChunk, Task> take, Action ended)
    {
        try
        {
            while (await reader.MoveNext(stopping) && reader.Current.KindCase != StreamChunk.KindOneofCase.End)
                await take(reader.Current);
        }
        catch (RpcException)
        {
            // Whoever asked is gone; the writer notices too.
        }
        ended();
    }

    private static LogLine ToLine(string replicaId, string name, LogEntry entry) => new()
    {
        ReplicaId = replicaId, ReplicaName = name, TimeNs = entry.TimeNs, Stderr = entry.Stderr, Text = UnsafeByteOperations.UnsafeWrap(entry.Text),
    };

    private async Task ServeExecAsync(AsyncDuplexStreamingCall<StreamChunk, StreamChunk> call, string replicaId, ExecStart start)
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
            using var relay = new ExecRelay(session, o => call.RequestStream.WriteAsync(new StreamChunk { Output = o }, stopping), stopping);
            var reading = ReadAsync(call.ResponseStream, c => relay.TakeAsync(c.Input), relay.Abandon);
            await relay.RunAsync();
            await EndAsync(call, reading);
        }
        catch (ContainerException e)
        {
            await call.RequestStream.WriteAsync(new StreamChunk { Output = new ExecOutput { Error = e.Message } }, stopping);
            await EndAsync(call, ReadAsync(call.ResponseStream, _ => Task.CompletedTask, () => { }));
        }
    }
}
