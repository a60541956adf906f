using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;

namespace Orchestrator.Transport;

/// <summary>How both ends of every connection shake hands: TLS 1.3, our CA alone, roles checked.</summary>
public static class Tls
{
    /// <summary>A joiner has no certificate yet: <paramref name="mine"/> is null.</summary>
    public static SslClientAuthenticationOptions ClientOptions(Credentials? mine, Func<X509Certificate2, bool> accept) => new()
    {
        TargetHost = "orchestrator",
        EnabledSslProtocols = SslProtocols.Tls13,
        ApplicationProtocols = [SslApplicationProtocol.Http2],
        ClientCertificates = mine is null ? null : [mine.Certificate],
        LocalCertificateSelectionCallback = mine is null ? null : (_, _, _, _, _) => mine.Certificate,
        RemoteCertificateValidationCallback = (_, peer, _, _) => peer is X509Certificate2 certificate && accept(certificate),
    };

    /// <summary>Every client is asked for a certificate; <paramref name="accept"/> decides, and gets null when the client shows none.</summary>
    public static SslServerAuthenticationOptions ServerOptions(SslStreamCertificateContext mine, Func<X509Certificate2?, bool> accept) => new()
    {
        ServerCertificateContext = mine,
        EnabledSslProtocols = SslProtocols.Tls13,
        ClientCertificateRequired = true,
        CertificateRevocationCheckMode = X509RevocationMode.NoCheck,
        // A resumed session would not be asked for its certificate again.
        AllowTlsResume = false,
        RemoteCertificateValidationCallback = (_, peer, _, _) => accept(peer as X509Certificate2),
    };

    /// <summary>Accepts servers of this cluster only.</summary>
    public static SslClientAuthenticationOptions ToServer(Credentials mine) => ClientOptions(mine, peer => mine.Verify(peer)?.Role == Role.Server);

    public static async Task<Stream> ConnectAsync(string address, SslClientAuthenticationOptions options, TimeSpan timeout, CancellationToken cancellation)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        limit.CancelAfter(timeout);
        try
        {
            return await HandshakeAsync(address, options, limit.Token);
        }
        catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
        {
            throw new IOException($"{address}: no answer within {timeout.TotalSeconds:0.#} s");
        }
        // Refused by our own check: the framework's message would only name the callback.
        catch (AuthenticationException e) when (e.InnerException is null)
        {
            throw new IOException($"{address}: its certificate is not that of a server of this cluster, or has run out", e);
        }
        catch (Exception e) when (e is SocketException or AuthenticationException)
        {
            throw new IOException($"{address}: {e.Message}", e);
        }
    }

    private static async Task<Stream> HandshakeAsync(string address, SslClientAuthenticationOptions options, CancellationToken cancellation)
    {
        var socket = await ServerAddress.ConnectAsync(address, cancellation);
        var stream = new SslStream(new NetworkStream(socket, ownsSocket: true));
        try
        {
            await stream.AuthenticateAsClientAsync(options, cancellation);
            return stream;
        }
        catch
        {
            await stream.DisposeAsync();
            throw;
        }
    }
}
