using System.Threading.Channels;
using Grpc.Core;
using Orchestrator.Model;
using Orchestrator.Transport;

namespace Orchestrator.Cli.Waiting;

/// <summary>The newest picture of a stack, from whichever server gives it: a broken stream is opened again at another one.</summary>
internal sealed class StackWatch(Session session, string stack)
{
    private static readonly TimeSpan s_pause = TimeSpan.FromMilliseconds(200);

    private readonly Channel<WatchStackResponse> _latest = Channel.CreateBounded<WatchStackResponse>(
        new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropOldest, SingleReader = true });

    /// <summary>Ends in error when the server refuses; otherwise only with the token.</summary>
    public async Task PumpAsync(CancellationToken cancellation)
    {
        try
        {
            while (true)
                await ReadAsync(cancellation);
        }
        catch (Exception e)
        {
            _latest.Writer.Complete(e);
        }
    }

    /// <summary>The next picture, or null when nothing changed for that long.</summary>
    public async Task<WatchStackResponse?> NextAsync(TimeSpan limit, CancellationToken cancellation)
    {
        using var tick = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        tick.CancelAfter(limit);
        try
        {
            return await _latest.Reader.ReadAsync(tick.Token);
        }
        catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
        {
            return null;
        }
        catch (ChannelClosedException e) when (e.InnerException is { } cause)
        {
            throw cause;
        }
    }

    private async Task ReadAsync(CancellationToken cancellation)
    {
        try
        {
            using var call = session.Api.WatchStack(new WatchStackRequest { Stack = stack }, cancellationToken: cancellation);
            await foreach (var picture in call.ResponseStream.ReadAllAsync(cancellation))
                _latest.Writer.TryWrite(picture);
        }
        catch (RpcException e) when (ServerChannel.IsServersFault(e) && !cancellation.IsCancellationRequested)
        {
            session.MoveOn();
        }
        await Task.Delay(s_pause, cancellation);
    }
}
