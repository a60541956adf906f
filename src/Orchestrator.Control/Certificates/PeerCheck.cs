using System.Security.Cryptography.X509Certificates;
using Orchestrator.Transport;

namespace Orchestrator.Control.Certificates;

/// <summary>Why a peer's certificate is not accepted, for the log.</summary>
internal static class PeerCheck
{
    public static string? Refusal(X509Certificate2? peer, Credentials mine, Role? needed = null)
    {
        if (peer is null)
            return "no certificate";
        if (mine.Verify(peer) is { } subject)
            return needed is null || subject.Role == needed ? null : $"a certificate of {subject}";
        var now = DateTime.Now;
        return now > peer.NotAfter ? $"a certificate that expired on {peer.NotAfter.ToUniversalTime():u}"
            : now < peer.NotBefore ? $"a certificate that is not valid before {peer.NotBefore.ToUniversalTime():u}"
            : "a certificate of another cluster";
    }
}
