using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Grpc.Core;
using Grpc.Net.Client;
using Orchestrator.Model;

namespace Orchestrator.Transport;

/// <summary>What a joiner comes back with.</summary>
public sealed record Joined(Credentials Credentials, string ClusterId, IReadOnlyList<string> ServerAddresses);

/// <summary>A server said no, or no server could be asked. The message is for people.</summary>
public sealed class JoinException(string message, bool isFinal) : Exception(message)
{
    /// <summary>Trying again cannot help: wrong token, wrong cluster.</summary>
    public bool IsFinal => isFinal;
}

public static class Joiner
{
    private static readonly TimeSpan s_timeout = TimeSpan.FromSeconds(5);

    /// <summary>Gets a certificate from the first server that answers. Nothing is written: the caller saves the credentials.</summary>
    /// <exception cref="JoinException">Refused, or no server answers.</exception>
    public static async Task<Joined> JoinAsync(IReadOnlyList<string> addresses, JoinToken token, string hostname, CancellationToken cancellation)
    {
        var failures = new List<string>();
        foreach (var address in addresses)
        {
            try
            {
                var authority = await AuthorityAsync(address, token, cancellation);
                return await JoinAsync(address, authority, token, hostname, cancellation);
            }
            catch (RpcException e) when (e.StatusCode is not (StatusCode.Unauthenticated or StatusCode.InvalidArgument or StatusCode.FailedPrecondition))
            {
                cancellation.ThrowIfCancellationRequested();
                failures.Add($"{address}: {e.Status.DebugException?.InnerException?.Message ?? e.Status.Detail}");
            }
            catch (RpcException e)
            {
                throw new JoinException($"{address} refused: {e.Status.Detail}", isFinal: true);
            }
        }
        throw new JoinException($"no server answers ({string.Join("; ", failures)})", isFinal: false);
    }

    // The one handshake that accepts any certificate: nothing secret is said on it, and its answer is checked against the token.
    private static async Task<X509Certificate2> AuthorityAsync(string address, JoinToken token, CancellationToken cancellation)
    {
        using var channel = Open(address, _ => true);
        var answer = await new Joining.JoiningClient(channel).GetAuthorityAsync(new(), deadline: DateTime.UtcNow + s_timeout, cancellationToken: cancellation);
        return TryRead(answer.CaCertificatePem) is { } authority && token.Pins(authority)
            ? authority
            : throw new JoinException($"{address} belongs to another cluster than the token (its CA's digest is not the token's)", isFinal: true);
    }

    private static async Task<Joined> JoinAsync(string address, X509Certificate2 authority, JoinToken token, string hostname, CancellationToken cancellation)
    {
        using var channel = Open(address, peer => PeerVerification.Verify(peer, authority)?.Role == Role.Server);
        var pending = new PendingCredentials();
        var request = new JoinRequest
        {
            Token = token.ToString(),
            CertificateRequest = Google.Protobuf.ByteString.CopyFrom(pending.Request),
            Hostname = hostname,
        };
        var answer = await new Joining.JoiningClient(channel).JoinAsync(request, deadline: DateTime.UtcNow + s_timeout, cancellationToken: cancellation);
        return new Joined(pending.Complete(answer.CertificatePem, authority.ExportCertificatePem()), answer.ClusterId, [.. answer.ServerAddresses]);
    }

    private static X509Certificate2? TryRead(string pem)
    {
        try
        {
            return X509Certificate2.CreateFromPem(pem);
        }
        catch (CryptographicException)
        {
            return null;
        }
    }

    private static GrpcChannel Open(string address, Func<X509Certificate2, bool> accept) =>
        GrpcChannel.ForAddress("http://orchestrator", new GrpcChannelOptions
        {
            DisposeHttpClient = true,
            HttpHandler = new SocketsHttpHandler
            {
                UseProxy = false,
                ConnectCallback = async (_, cancellation) => await Tls.ConnectAsync(address, Tls.ClientOptions(null, accept), s_timeout, cancellation),
            },
        });
}
