using Grpc.Core;
using Grpc.Net.Client;

namespace Orchestrator.Transport;

/// <summary>
/// A gRPC channel over mutual TLS to whichever server answers. Calls go to one server as long as it works; when the connection fails or the
/// server says UNAVAILABLE (it sees no leader), unary calls are tried again at the next server until <see cref="Patience"/> is used up.
/// Streams are not repeated: their owner starts them anew, and calls <see cref="MoveOn"/> when the server is to blame.
/// </summary>
public sealed class ServerChannel : CallInvoker, IDisposable
{
    private static readonly TimeSpan s_connectTimeout = TimeSpan.FromSeconds(3), s_pause = TimeSpan.FromMilliseconds(100);

    private readonly Identity _identity;
    private readonly Lock _lock = new();
    private IReadOnlyList<string> _addresses;
    private int _next;
    private GrpcChannel _channel;

    public ServerChannel(IReadOnlyList<string> addresses, Credentials credentials) : this(addresses, new Identity(credentials))
    {
    }

    public ServerChannel(IReadOnlyList<string> addresses, Identity identity)
    {
        ArgumentOutOfRangeException.ThrowIfZero(addresses.Count);
        (_addresses, _identity, _channel) = (addresses, identity, Open());
    }

    /// <summary>How long a unary call is tried again. Zero: the first failure is the answer.</summary>
    public TimeSpan Patience { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>The servers to try, the one in use first. Setting it keeps the connection in use.</summary>
    public IReadOnlyList<string> Addresses
    {
        get
        {
            lock (_lock)
                return [.. _addresses.Skip(_next), .. _addresses.Take(_next)];
        }
        set
        {
            lock (_lock)
            {
                var used = _addresses[_next];
                _addresses = value.Count > 0 ? value : _addresses;
                Use(used);
            }
        }
    }

    /// <summary>Leaves the server in use: the next call starts at the next address. Running streams stay where they are.</summary>
    public void MoveOn() => Leave(Current);

    public override AsyncUnaryCall<TResponse> AsyncUnaryCall<TRequest, TResponse>(
        Method<TRequest, TResponse> method, string? host, CallOptions options, TRequest request)
    {
        var call = new RetriedCall<TRequest, TResponse>(this, method, options, request);
        return new AsyncUnaryCall<TResponse>(call.RunAsync(), call.HeadersAsync(), () => call.Last!.GetStatus(), () => call.Last!.GetTrailers(), call.Dispose);
    }

    public override TResponse BlockingUnaryCall<TRequest, TResponse>(Method<TRequest, TResponse> method, string? host, CallOptions options, TRequest request)
    {
        using var call = AsyncUnaryCall(method, host, options, request);
        return call.ResponseAsync.GetAwaiter().GetResult();
    }

    public override AsyncServerStreamingCall<TResponse> AsyncServerStreamingCall<TRequest, TResponse>(
        Method<TRequest, TResponse> method, string? host, CallOptions options, TRequest request) =>
        Current.CreateCallInvoker().AsyncServerStreamingCall(method, host, options, request);

    public override AsyncClientStreamingCall<TRequest, TResponse> AsyncClientStreamingCall<TRequest, TResponse>(
        Method<TRequest, TResponse> method, string? host, CallOptions options) =>
        Current.CreateCallInvoker().AsyncClientStreamingCall(method, host, options);

    public override AsyncDuplexStreamingCall<TRequest, TResponse> AsyncDuplexStreamingCall<TRequest, TResponse>(
        Method<TRequest, TResponse> method, string? host, CallOptions options) =>
        Current.CreateCallInvoker().AsyncDuplexStreamingCall(method, host, options);

    public void Dispose() => Current.Dispose();

    /// <summary>Whether the call may never have reached a working server: trying another one is sensible.</summary>
    public static bool IsServersFault(RpcException e) =>
        e.StatusCode == StatusCode.Unavailable || e.Status.DebugException is HttpRequestException or IOException;

    private GrpcChannel Current
    {
        get
        {
            lock (_lock)
                return _channel;
        }
    }

    private void Leave(GrpcChannel from)
    {
        lock (_lock)
        {
            if (_channel != from)
                return;
            _next = (_next + 1) % _addresses.Count;
            _channel = Open();
        }
    }

    // The handshake happens in the connect callback, where a failing server can be passed over; so the URL says http and names nobody.
    private GrpcChannel Open() => GrpcChannel.ForAddress("http://orchestrator", new GrpcChannelOptions
    {
        DisposeHttpClient = true,
        MaxReceiveMessageSize = null,
        MaxSendMessageSize = null,
        HttpHandler = new SocketsHttpHandler
        {
            ConnectCallback = async (_, cancellation) => await ConnectAsync(cancellation),
            UseProxy = false,
            EnableMultipleHttp2Connections = true,
            PooledConnectionIdleTimeout = TimeSpan.FromSeconds(30),
            // A cut network is noticed within two seconds.
            KeepAlivePingDelay = TimeSpan.FromSeconds(1),
            KeepAlivePingTimeout = TimeSpan.FromSeconds(1),
            KeepAlivePingPolicy = HttpKeepAlivePingPolicy.WithActiveRequests,
        },
    });

    private async Task<Stream> ConnectAsync(CancellationToken cancellation)
    {
        var failures = new List<string>();
        foreach (var address in Addresses)
        {
            try
            {
                var stream = await Tls.ConnectAsync(address, Tls.ToServer(_identity.Current), s_connectTimeout, cancellation);
                Prefer(address);
                return stream;
            }
            catch (IOException e)
            {
                failures.Add(e.Message);
            }
        }
        throw new IOException($"no server answers ({string.Join("; ", failures)})");
    }

    private void Prefer(string address)
    {
        lock (_lock)
            Use(address);
    }

    private void Use(string address) => _next = Math.Max(0, _addresses.ToList().IndexOf(address));

    private sealed class RetriedCall<TRequest, TResponse>(
        ServerChannel channel, Method<TRequest, TResponse> method, CallOptions options, TRequest request) : IDisposable
        where TRequest : class where TResponse : class
    {
        private readonly TaskCompletionSource _answered = new();
        private readonly CancellationTokenSource _disposed = CancellationTokenSource.CreateLinkedTokenSource(options.CancellationToken);

        public AsyncUnaryCall<TResponse>? Last { get; private set; }

        public async Task<TResponse> RunAsync()
        {
            var giveUp = Environment.TickCount64 + (long)channel.Patience.TotalMilliseconds;
            try
            {
                while (true)
                {
                    var used = channel.Current;
                    Last = used.CreateCallInvoker().AsyncUnaryCall(method, null, options.WithCancellationToken(_disposed.Token), request);
                    try
                    {
                        return await Last.ResponseAsync;
                    }
                    catch (RpcException e) when (IsServersFault(e) && Environment.TickCount64 < giveUp)
                    {
                        channel.Leave(used);
                    }
                    await Task.Delay(s_pause, _disposed.Token);
                }
            }
            finally
            {
                _answered.TrySetResult();
            }
        }

        public async Task<Metadata> HeadersAsync()
        {
            await _answered.Task;
            return await Last!.ResponseHeadersAsync;
        }

        public void Dispose()
        {
            _disposed.Cancel();
            Last?.Dispose();
        }
    }
}
