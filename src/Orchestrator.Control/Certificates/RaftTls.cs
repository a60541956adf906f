using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using Orchestrator.Control.Store;
using Orchestrator.Transport;

namespace Orchestrator.Control.Certificates;

/// <summary>Mutual TLS between servers. The options live as long as the store, so certificates are picked anew for every handshake.</summary>
internal static class RaftTls
{
    public static StoreTls Of(Identity identity, RefusalLog refusals)
    {
        bool IsServer(X509Certificate? peer)
        {
            var refusal = PeerCheck.Refusal(peer as X509Certificate2, identity.Current, Role.Server);
            if (refusal is not null)
                refusals.Report(null, $"Raft: {refusal}");
            return refusal is null;
        }
        return new StoreTls(
            new SslServerAuthenticationOptions
            {
                ServerCertificateSelectionCallback = (_, _) => identity.Current.Certificate,
                EnabledSslProtocols = SslProtocols.Tls13,
                ClientCertificateRequired = true,
                AllowTlsResume = false,
                RemoteCertificateValidationCallback = (_, peer, _, _) => IsServer(peer),
            },
            new SslClientAuthenticationOptions
            {
                TargetHost = "orchestrator",
                EnabledSslProtocols = SslProtocols.Tls13,
                AllowTlsResume = false,
                LocalCertificateSelectionCallback = (_, _, _, _, _) => identity.Current.Certificate,
                RemoteCertificateValidationCallback = (_, peer, _, _) => IsServer(peer),
            },
            peer => refusals.Report(peer, "Raft: no TLS handshake with a server's certificate"));
    }
}
