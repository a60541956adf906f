using System.Net;
using System.Net.Security;
using System.Net.Sockets;

namespace Orchestrator.Control.Store.Peers;

/// <summary>A connection to another server, made when it is needed and again after it broke. Requests take turns.</summary>
/// <param name="patience">How long a request waits for the connection.</param>
internal sealed class PeerConnection(EndPoint address, Hello hello, SslClientAuthenticationOptions? tls, TimeSpan patience) : IDisposable
{
    private static readonly TimeSpan s_openTimeout = TimeSpan.FromSeconds(2);

    // A server that is down is not asked again for so long: replication may try a thousand times a second.
    private static readonly TimeSpan s_pause = TimeSpan.FromMilliseconds(50);

    private readonly SemaphoreSlim _turn = new(1);
    private readonly CancellationTokenSource _closing = new();
    private Task<Conversation>? _opening;
    private long _openedAt;

    /// <summary>Throws what the network throws, <see cref="TimeoutException"/> after too long a silence, <see cref="InvalidDataException"/>
    /// for what no server of ours says.</summary>
    /// <param name="silence">How long nothing may move in either direction.</param>
    public async Task<Answer> AskAsync(Func<Conversation, Task<Answer>> exchange, TimeSpan silence, CancellationToken token)
    {
        await _turn.WaitAsync(token).ConfigureAwait(false);
        try
        {
            var reused = _opening is { IsCompletedSuccessfully: true };
            try
            {
                return await ExchangeAsync(exchange, silence, token).ConfigureAwait(false);
            }
            catch (IOException) when (reused && !token.IsCancellationRequested)
            {
                // The other side restarted since the connection was made. Every request may be repeated.
                return await ExchangeAsync(exchange, silence, token).ConfigureAwait(false);
            }
        }
        finally
        {
            _turn.Release();
        }
    }

    public void Dispose()
    {
        // Requests under way fail; the semaphore is left to them.
        _closing.Cancel();
        if (_opening is { IsCompletedSuccessfully: true })
            _opening.Result.Dispose();
    }

    private async Task<Answer> ExchangeAsync(Func<Conversation, Task<Answer>> exchange, TimeSpan silence, CancellationToken token)
    {
        // Opening goes on when the one who needs it gives up: a server under load may be slower to greet than others can wait.
        var conversation = await OpeningAsync().WaitAsync(patience, token).ConfigureAwait(false);
        try
        {
            return await conversation.ExchangeAsync(exchange, silence, token).ConfigureAwait(false);
        }
        finally
        {
            if (!conversation.IsUsable)
                Drop(conversation);
        }
    }

    private Task<Conversation> OpeningAsync()
    {
        if (_opening is null || (_opening.IsFaulted && TimeSpan.FromMilliseconds(Environment.TickCount64 - _openedAt) > s_pause))
        {
            _openedAt = Environment.TickCount64;
            _opening = OpenAsync();
        }
        return _opening;
    }

    private void Drop(Conversation conversation)
    {
        _opening = null;
        conversation.Dispose();
    }

    private async Task<Conversation> OpenAsync()
    {
        ObjectDisposedException.ThrowIf(_closing.IsCancellationRequested, this);
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(_closing.Token);
        limit.CancelAfter(s_openTimeout);
        try
        {
            await socket.ConnectAsync(address, limit.Token).ConfigureAwait(false);
            var frames = new FrameStream(await SecureAsync(new NetworkStream(socket), limit.Token).ConfigureAwait(false));
            await frames.WriteAsync(FrameKind.Hello, hello, limit.Token).ConfigureAwait(false);
            return new(socket, frames);
        }
        catch (OperationCanceledException)
        {
            socket.Dispose();
            throw new TimeoutException($"no connection to {address} within {s_openTimeout.TotalSeconds} s");
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    private async Task<Stream> SecureAsync(Stream plain, CancellationToken token)
    {
        if (tls is null)
            return plain;
        var secured = new SslStream(plain);
        await secured.AuthenticateAsClientAsync(tls, token).ConfigureAwait(false);
        return secured;
    }
}
