using System.Security.Cryptography.X509Certificates;

namespace Orchestrator.Transport;

public static class PeerVerification
{
    /// <summary>Names are not compared: any address may be a server's. What counts is the CA, the dates and the role in the subject.</summary>
    public static CertificateSubject? Verify(X509Certificate2? peer, X509Certificate2 authority)
    {
        if (peer is null)
            return null;
        using var chain = new X509Chain();
        chain.ChainPolicy.TrustMode = X509ChainTrustMode.CustomRootTrust;
        chain.ChainPolicy.CustomTrustStore.Add(authority);
        chain.ChainPolicy.RevocationMode = X509RevocationMode.NoCheck;
        chain.ChainPolicy.DisableCertificateDownloads = true;
        return chain.Build(peer) ? CertificateSubject.Of(peer) : null;
    }
}
