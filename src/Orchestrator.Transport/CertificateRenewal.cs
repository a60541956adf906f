using System.Security.Cryptography;
using Grpc.Core;
using Orchestrator.Model;

namespace Orchestrator.Transport;

/// <summary>Renews the certificate of this process at a random moment between 50 and 80 % of its life, so that nodes do not all come at once.</summary>
public sealed class CertificateRenewal(Identity identity, CallInvoker servers, TimeProvider time)
{
    private static readonly TimeSpan s_retry = TimeSpan.FromMinutes(1), s_longestWait = TimeSpan.FromDays(1);
    private readonly double _share = 0.5 + 0.3 * Random.Shared.NextDouble();

    public DateTimeOffset DueAt
    {
        get
        {
            var certificate = identity.Current.Certificate;
            DateTimeOffset from = certificate.NotBefore, until = certificate.NotAfter;
            return from + (until - from) * _share;
        }
    }

    /// <summary><paramref name="report"/> is told of every renewal (null) and of every failure; the next attempt follows after a minute.</summary>
    public async Task RunAsync(Action<Exception?> report, CancellationToken cancellation)
    {
        while (true)
        {
            var wait = DueAt - time.GetUtcNow();
            if (wait > TimeSpan.Zero)
            {
                await Task.Delay(wait < s_longestWait ? wait : s_longestWait, time, cancellation);
                continue;
            }
            try
            {
                await RenewAsync(cancellation);
                report(null);
            }
            catch (Exception e) when (e is RpcException or IOException or CryptographicException && !cancellation.IsCancellationRequested)
            {
                report(e);
                await Task.Delay(s_retry, time, cancellation);
            }
        }
    }

    public async Task RenewAsync(CancellationToken cancellation)
    {
        var pending = new PendingCredentials();
        var answer = await new Membership.MembershipClient(servers).RenewAsync(
            new RenewRequest { CertificateRequest = Google.Protobuf.ByteString.CopyFrom(pending.Request) }, cancellationToken: cancellation);
        identity.Replace(pending.Complete(answer.CertificatePem, identity.Current.AuthorityPem));
    }
}
