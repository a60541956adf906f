using System.Collections.Concurrent;
using Orchestrator.Transport;

namespace Orchestrator.Control.Api;

/// <summary>HTTP/2 connections to the other servers, one client for each address.</summary>
internal sealed class ServerClients(Identity identity) : IDisposable
{
    private static readonly TimeSpan s_connectTimeout = TimeSpan.FromSeconds(1);
    private readonly ConcurrentDictionary<string, HttpMessageInvoker> _clients = new();

    public HttpMessageInvoker For(string address) => _clients.GetOrAdd(address, Open);

    public void Dispose()
    {
        foreach (var client in _clients.Values)
            client.Dispose();
    }

    private HttpMessageInvoker Open(string address) => new(new SocketsHttpHandler
    {
        ConnectCallback = async (_, cancellation) => await Tls.ConnectAsync(address, Tls.ToServer(identity.Current), s_connectTimeout, cancellation),
        UseProxy = false,
        UseCookies = false,
        AllowAutoRedirect = false,
        ActivityHeadersPropagator = null,
        EnableMultipleHttp2Connections = true,
        KeepAlivePingDelay = TimeSpan.FromSeconds(1),
        KeepAlivePingTimeout = TimeSpan.FromSeconds(1),
        KeepAlivePingPolicy = HttpKeepAlivePingPolicy.WithActiveRequests,
    });
}
