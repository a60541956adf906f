using Google.Protobuf;
using Grpc.Core;
using Orchestrator.Agent.Session;
using Orchestrator.Engine.Containers;
using Orchestrator.Engine.Logs;
using Orchestrator.Model;

namespace Orchestrator.Agent.Local;

internal sealed partial class ContainersEndpoint
{
    public override async Task Logs(LocalLogsRequest request, IServerStreamWriter<LogLine> responses, ServerCallContext context)
    {
        var runner = table.Find(request.Name);
        if (runner.Container is not { } container)
            return;
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(context.CancellationToken, Around.Stopping);
        // A follower goes on over restarts, as the log does.
        var done = runner.UntilAsync(r => r is { IsRunning: false, WaitsToRestart: false }, stop.Token);
        var query = new LogQuery(request.Tail, request.SinceNs, request.Follow) { UntilNs = request.UntilNs };
        await foreach (var entry in LogReader.ReadAsync(container.LogPath, query, done, stop.Token))
            await responses.WriteAsync(ToLine(runner, entry), stop.Token);
    }

    public override async Task Exec(IAsyncStreamReader<ExecInput> requests, IServerStreamWriter<ExecOutput> responses, ServerCallContext context)
    {
        if (!await requests.MoveNext(context.CancellationToken) || requests.Current.Start is not { } start)
            throw LocalRefusal.Invalid("the first message of an exec says what to run");
        var runner = table.Find(start.Replica);
        if (!runner.IsRunning)
            throw LocalRefusal.Conflict($"container {runner.Name} does not run");
        if (runner.Run!.IsPaused)
            throw LocalRefusal.Conflict($"container {runner.Name} is paused; unpause it first");
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(context.CancellationToken, Around.Stopping);
        var session = Around.Engine.Exec(runner.Run.Container, new ExecOptions([.. start.Command])
        {
            Tty = start.Tty, User = start.User, WorkingDirectory = start.WorkingDir, Environment = new Dictionary<string, string>(start.Environment),
        });
        runner.Tell("exec_start", ("execCommand", string.Join(' ', start.Command)));
        if (start.Detach)
        {
            _ = RunDetachedAsync(session);
            await responses.WriteAsync(new ExecOutput { ExitCode = 0 }, stop.Token);
            return;
        }
        await using (session)
            await RelayAsync(session, start, requests, responses, stop.Token);
    }

    public override async Task Events(EventsRequest request, IServerStreamWriter<LocalEvent> responses, ServerCallContext context)
    {
        var filters = new LocalFilters(request.Filters, "container", "event", "type", "label", "image", "volume");
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(context.CancellationToken, Around.Stopping);
        // Answers before the first event, so that a caller knows that it misses none from here on.
        await context.WriteResponseHeadersAsync([]);
        await foreach (var told in Around.Events.ListenAsync(request.SinceNs, request.UntilNs, stop.Token))
            if (Matches(told, filters))
                await responses.WriteAsync(told, stop.Token);
    }

    private static async Task RelayAsync(
        ExecSession session, ExecStart start, IAsyncStreamReader<ExecInput> requests, IServerStreamWriter<ExecOutput> responses, CancellationToken stop)
    {
        if (start.Size is { } size)
            session.Resize(size.Columns, size.Rows);
        if (!start.Interactive)
            session.Input.Close();
        using var relay = new ExecRelay(session, o => responses.WriteAsync(o, stop), stop);
        var reading = ReadAsync(requests, relay, stop);
        await relay.RunAsync();
        _ = reading;
    }

    private static async Task ReadAsync(IAsyncStreamReader<ExecInput> requests, ExecRelay relay, CancellationToken stop)
    {
        try
        {
            while (await requests.MoveNext(stop))
                await relay.TakeAsync(requests.Current);
        }
        catch (Exception e) when (e is OperationCanceledException or IOException or RpcException or InvalidOperationException)
        {
            // Whoever asked is gone, and nobody wants the command any more.
            relay.Abandon();
        }
    }

    private static async Task RunDetachedAsync(ExecSession session)
    {
        await using (session)
        {
            session.Input.Close();
            await Task.WhenAll(session.Output.CopyToAsync(Stream.Null), session.Error.CopyToAsync(Stream.Null));
            await session.WaitAsync(CancellationToken.None);
        }
    }

    private static bool Matches(LocalEvent told, LocalFilters filters) =>
        filters.Any("type", t => told.Type == t)
        && filters.Any("event", a => told.Action == a || told.Action.StartsWith(a + ":", StringComparison.Ordinal))
        && filters.Any("container", c => told.Type == "container" && (told.Attributes.GetValueOrDefault("name", "") == c || told.Id.StartsWith(c, StringComparison.Ordinal)))
        && filters.Any("volume", v => told.Type == "volume" && told.Id == v)
        && filters.Any("image", i => told.Attributes.GetValueOrDefault("image", told.Type == "image" ? told.Id : "") == i)
        && filters.Labels(told.Attributes);

    private static LogLine ToLine(LocalRunner runner, LogEntry entry) => new()
    {
        ReplicaId = runner.Id, ReplicaName = runner.Name, TimeNs = entry.TimeNs, Stderr = entry.Stderr, Text = UnsafeByteOperations.UnsafeWrap(entry.Text),
    };
}
