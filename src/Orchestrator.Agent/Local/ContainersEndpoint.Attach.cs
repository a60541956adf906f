using Google.Protobuf;
using Grpc.Core;
using Orchestrator.Engine.Containers;
using Orchestrator.Model;

namespace Orchestrator.Agent.Local;

internal sealed partial class ContainersEndpoint
{
    /// <summary>Whoever asked hears all that the container says from here on, and may type; when they leave, it goes on.</summary>
    public override async Task Attach(IAsyncStreamReader<AttachInput> requests, IServerStreamWriter<ExecOutput> responses, ServerCallContext context)
    {
        if (!await requests.MoveNext(context.CancellationToken) || requests.Current.Start is not { } start)
            throw LocalRefusal.Invalid("the first message of an attach says to what");
        var runner = table.Find(start.Name);
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(context.CancellationToken, Around.Stopping);
        await using var session = await JoinAsync(runner, start, stop.Token);
        var run = runner.Run!;
        if (start.Size is { } size)
            await session.ResizeAsync((int)size.Columns, (int)size.Rows, stop.Token);
        using var left = CancellationTokenSource.CreateLinkedTokenSource(stop.Token);
        _ = PassInputAsync(requests, session, run.Container, left);
        while (await NextAsync(session, left.Token, stop.Token) is { } piece)
            if (piece.Stream != AttachedStream.Gap)
                await responses.WriteAsync(Output(piece), stop.Token);
        if (left.IsCancellationRequested)
            return;
        await run.Finished.WaitAsync(stop.Token);
        if (runner.Record.Spec.AutoRemove)
            await runner.Removed.WaitAsync(stop.Token);
        await responses.WriteAsync(new ExecOutput { ExitCode = LocalView.ExitCode(run.Container) }, stop.Token);
    }

    private async Task<AttachSession> JoinAsync(LocalRunner runner, AttachStart start, CancellationToken stop)
    {
        AttachSession? session = null;
        try
        {
            if (start.Start)
                await runner.StartAsync(async container => session = await Around.Engine.AttachAsync(container, start.Stdin, stop));
            if (!runner.IsRunning && session is null)
                throw LocalRefusal.Conflict($"container {runner.Name} does not run");
            session ??= await Around.Engine.AttachAsync(runner.Run!.Container, start.Stdin, stop);
            await session.WhenAttachedAsync(stop);
            return session;
        }
        catch
        {
            if (session is not null)
                await session.DisposeAsync();
            throw;
        }
    }

    /// <summary>Null when the container has ended, or whoever asked has left it.</summary>
    private static async Task<AttachedPiece?> NextAsync(AttachSession session, CancellationToken left, CancellationToken stop)
    {
        try
        {
            return await session.ReadAsync(left);
        }
        catch (OperationCanceledException) when (!stop.IsCancellationRequested)
        {
            return null;
        }
    }

    private static async Task PassInputAsync(IAsyncStreamReader<AttachInput> requests, AttachSession session, Container container, CancellationTokenSource left)
    {
        try
        {
            while (await requests.MoveNext(left.Token))
                await PassAsync(requests.Current, session, container, left.Token);
            await left.CancelAsync();
        }
        catch (Exception e) when (e is OperationCanceledException or ObjectDisposedException or IOException or RpcException or InvalidOperationException or System.Net.Sockets.SocketException)
        {
            // Whoever stayed with it is gone, or it reads no more; it goes on.
            return;
        }
    }

    private static async Task PassAsync(AttachInput input, AttachSession session, Container container, CancellationToken stop)
    {
        switch (input.KindCase)
        {
            case AttachInput.KindOneofCase.Stdin:
                await session.WriteAsync(input.Stdin.Memory, stop);
                break;
            case AttachInput.KindOneofCase.StdinClosed:
                await session.EndInputAsync(stop);
                break;
            case AttachInput.KindOneofCase.Resize:
                await session.ResizeAsync((int)input.Resize.Columns, (int)input.Resize.Rows, stop);
                break;
            case AttachInput.KindOneofCase.Signal:
                container.Signal(input.Signal);
                break;
        }
    }

    private static ExecOutput Output(AttachedPiece piece)
    {
        // The piece is overwritten by the next one.
        var bytes = ByteString.CopyFrom(piece.Bytes.Span);
        return piece.Stream == AttachedStream.Errors ? new ExecOutput { Stderr = bytes } : new ExecOutput { Stdout = bytes };
    }
}
