using System.Diagnostics.CodeAnalysis;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;

namespace Orchestrator.Transport;

/// <summary>
/// Lets a machine into a cluster: <c>ORC-1-server|agent-DIGEST-SECRET</c>. The digest (SHA-256 of the cluster's CA certificate)
/// lets the joiner recognize the cluster before it says the secret.
/// </summary>
public sealed record JoinToken
{
    private const int SecretBytes = 16;

    private JoinToken(Role role, string authorityDigest, string secret) => (Role, AuthorityDigest, Secret) = (role, authorityDigest, secret);

    public Role Role { get; }
    public string AuthorityDigest { get; }
    public string Secret { get; }

    public static JoinToken Create(Role role, X509Certificate2 authority) =>
        new(role, DigestOf(authority), Base32.Encode(RandomNumberGenerator.GetBytes(SecretBytes)));

    public static bool TryParse(string text, [NotNullWhen(true)] out JoinToken? token, [NotNullWhen(false)] out string? error)
    {
        var parts = text.Trim().Split('-');
        token = parts is ["ORC", "1", "server" or "agent", var digest, var secret]
            && Base32.IsEncodingOf(digest, SHA256.HashSizeInBytes) && Base32.IsEncodingOf(secret, SecretBytes)
            ? new JoinToken(RoleNames.Parse(parts[2])!.Value, digest, secret)
            : null;
        error = token is null ? "the join token is malformed: expected ORC-1-server-... or ORC-1-agent-... as printed by 'orc cluster info --tokens'" : null;
        return token is not null;
    }

    /// <summary>Whether the token was made by the cluster with this CA.</summary>
    public bool Pins(X509Certificate2 authority) => AuthorityDigest == DigestOf(authority);

    /// <summary>What a server compares, so that the comparison takes the same time for every token.</summary>
    public byte[] Hash() => SHA256.HashData(Encoding.UTF8.GetBytes(ToString()));

    public override string ToString() => $"ORC-1-{Role.Name()}-{AuthorityDigest}-{Secret}";

    private static string DigestOf(X509Certificate2 authority) => Base32.Encode(SHA256.HashData(authority.RawData));
}
