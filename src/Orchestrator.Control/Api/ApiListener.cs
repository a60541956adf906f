using System.Net;
using System.Net.Security;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Https;
using Orchestrator.Control.Certificates;
using Orchestrator.Transport;

namespace Orchestrator.Control.Api;

/// <summary>The API port: HTTP/2 over mutual TLS. What fails the handshake is refused and logged once.</summary>
internal sealed class ApiListener(Identity identity, RefusalLog refusals)
{
    private static readonly object s_handshaken = new(), s_reason = new();
    private (Credentials For, SslStreamCertificateContext Context)? _prepared;

    public void Configure(KestrelServerOptions kestrel, IPEndPoint address)
    {
        kestrel.AddServerHeader = false;
        // Our clients shake hands below HTTP, so their requests say http.
        kestrel.AllowAlternateSchemes = true;
        kestrel.Limits.MinRequestBodyDataRate = null;
        kestrel.Limits.MinResponseDataRate = null;
        kestrel.Limits.MaxRequestBodySize = null;
        kestrel.Limits.Http2.MaxStreamsPerConnection = 1000;
        kestrel.Limits.Http2.KeepAlivePingDelay = TimeSpan.FromSeconds(2);
        kestrel.Limits.Http2.KeepAlivePingTimeout = TimeSpan.FromSeconds(2);
        kestrel.Listen(address, Configure);
    }

    private void Configure(ListenOptions listen)
    {
        listen.Protocols = HttpProtocols.Http2;
        listen.Use(next => connection => ReportAsync(next, connection));
        listen.UseHttps(new TlsHandshakeCallbackOptions { OnConnection = context => ValueTask.FromResult(Options(context.Connection)) });
        listen.Use(next => connection =>
        {
            connection.Items[s_handshaken] = true;
            return next(connection);
        });
    }

    private async Task ReportAsync(ConnectionDelegate next, ConnectionContext connection)
    {
        await next(connection);
        if (!connection.Items.ContainsKey(s_handshaken))
            refusals.Report(connection.RemoteEndPoint, connection.Items.TryGetValue(s_reason, out var reason) ? $"{reason}" : "no TLS handshake");
    }

    private SslServerAuthenticationOptions Options(ConnectionContext connection)
    {
        var mine = identity.Current;
        var prepared = _prepared;
        if (prepared?.For != mine)
            _prepared = prepared = (mine, SslStreamCertificateContext.Create(mine.Certificate, null, offline: true));
        return Tls.ServerOptions(prepared.Value.Context, peer =>
        {
            // A joiner has none yet; what it may call is decided per call.
            if (peer is null || PeerCheck.Refusal(peer, mine) is not { } refusal)
                return true;
            connection.Items[s_reason] = refusal;
            return false;
        });
    }
}
