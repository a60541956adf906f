using System.Collections.Concurrent;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using Microsoft.Extensions.Logging;

namespace Orchestrator.Control.Store.Peers;

/// <summary>The Raft port. Each connection has a session of its own; what fails the handshake is refused, and <see cref="StoreTls.Refused"/> is told.</summary>
internal sealed class PeerListener : IAsyncDisposable
{
    private static readonly TimeSpan s_handshakeTimeout = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan s_acceptPause = TimeSpan.FromMilliseconds(100);

    private readonly StoreTls? _tls;
    private readonly RaftGroup _group;
    private readonly ILogger _log;
    private readonly Socket _socket;
    private readonly CancellationTokenSource _closing = new();
    private readonly ConcurrentDictionary<Task, bool> _sessions = [];
    private readonly Task _accepting;

    /// <exception cref="SocketException">The address cannot be listened on.</exception>
    public PeerListener(StoreOptions options, RaftGroup group)
    {
        (_tls, _group, _log) = (options.Tls, group, options.Loggers.CreateLogger<PeerListener>());
        var address = RaftAddress.ParseListen(options.ListenAddress);
        _socket = new(address.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        try
        {
            _socket.Bind(address);
            _socket.Listen();
        }
        catch
        {
            _socket.Dispose();
            throw;
        }
        _accepting = AcceptAsync();
    }

    public async ValueTask DisposeAsync()
    {
        await _closing.CancelAsync().ConfigureAwait(false);
        _socket.Dispose();
        await _accepting.ConfigureAwait(false);
        await Task.WhenAll(_sessions.Keys).ConfigureAwait(false);
        _closing.Dispose();
    }

    private async Task AcceptAsync()
    {
        while (!_closing.IsCancellationRequested)
        {
            try
            {
                var session = ServeAsync(await _socket.AcceptAsync(_closing.Token).ConfigureAwait(false));
                _sessions.TryAdd(session, true);
                _ = session.ContinueWith(done => _sessions.TryRemove(done, out _), TaskScheduler.Default);
            }
            catch (Exception e) when (e is SocketException or OperationCanceledException or ObjectDisposedException)
            {
                if (_closing.IsCancellationRequested)
                    return;
                _log.LogWarning("cannot accept connections of other servers: {Reason}", e.Message);
                await Task.Delay(s_acceptPause).ConfigureAwait(false);
            }
        }
    }

    private async Task ServeAsync(Socket socket)
    {
        await Task.Yield();
        using var owned = socket;
        try
        {
            socket.NoDelay = true;
            // A server that vanished without a word.
            socket.SetSocketOption(SocketOptionLevel.Socket, SocketOptionName.KeepAlive, true);
            socket.SetSocketOption(SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveTime, 30);
            socket.SetSocketOption(SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveInterval, 10);
            if (await SecureAsync(socket).ConfigureAwait(false) is { } stream)
                await new PeerSession(_group, new(stream), _closing.Token).RunAsync().ConfigureAwait(false);
        }
        catch (Exception e) when (IsOfConnection(e))
        {
            _log.LogDebug("a connection of another server ended: {Reason}", e.Message);
        }
        catch (Exception e)
        {
            _log.LogError(e, "a request of another server failed");
        }
    }

    /// <summary>Null: refused.</summary>
    private async Task<Stream?> SecureAsync(Socket socket)
    {
        var plain = new NetworkStream(socket);
        if (_tls is null)
            return plain;
        var secured = new SslStream(plain);
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(_closing.Token);
        limit.CancelAfter(s_handshakeTimeout);
        try
        {
            await secured.AuthenticateAsServerAsync(_tls.Server, limit.Token).ConfigureAwait(false);
            return secured;
        }
        catch (AuthenticationException)
        {
            _tls.Refused?.Invoke(socket.RemoteEndPoint);
            return null;
        }
    }

    private static bool IsOfConnection(Exception e) =>
        e is IOException or SocketException or OperationCanceledException or ObjectDisposedException or InvalidDataException;
}
