using System.Security.Cryptography;
using Google.Protobuf;
using Orchestrator.Model;
using Orchestrator.Transport;

namespace Orchestrator.Control.Certificates;

public static class TokenCheck
{
    /// <summary>The role that the token gives, or null. Hashes are compared, in constant time.</summary>
    public static Role? RoleOf(string token, Cluster cluster)
    {
        if (!JoinToken.TryParse(token, out var parsed, out _))
            return null;
        var hash = parsed.Hash();
        var expected = parsed.Role == Role.Server ? cluster.ServerTokenHash : cluster.AgentTokenHash;
        return CryptographicOperations.FixedTimeEquals(hash, expected.Span) ? parsed.Role : null;
    }

    public static ByteString Hash(JoinToken token) => ByteString.CopyFrom(token.Hash());
}
