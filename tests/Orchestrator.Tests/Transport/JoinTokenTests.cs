using CsCheck;
using Orchestrator.Control.Certificates;
using Orchestrator.Transport;
using Xunit;

namespace Orchestrator.Tests.Transport;

public sealed class JoinTokenTests
{
    private static readonly CertificateAuthority s_authority = CertificateAuthority.Create("c", DateTimeOffset.UtcNow);

    [Theory]
    [InlineData(Role.Server)]
    [InlineData(Role.Agent)]
    public void A_token_reads_back_and_pins_its_cluster(Role role)
    {
        var token = JoinToken.Create(role, s_authority.Certificate);
        Assert.True(JoinToken.TryParse($" {token}\n", out var parsed, out _));
        Assert.Equal(token, parsed);
        Assert.True(parsed.Pins(s_authority.Certificate));
        Assert.False(parsed.Pins(CertificateAuthority.Create("d", DateTimeOffset.UtcNow).Certificate));
    }

    [Fact]
    public void No_text_makes_the_parser_throw_and_no_changed_token_passes_the_check() => Gen.Select(Gen.Int[0, 200], Gen.Char).Sample((at, replacement) =>
    {
        var text = JoinToken.Create(Role.Server, s_authority.Certificate).ToString();
        var cluster = new Orchestrator.Model.Cluster { ServerTokenHash = Hash(text), AgentTokenHash = Hash(text) };
        at %= text.Length;
        var changed = text[..at] + replacement + text[(at + 1)..];
        Assert.Equal(changed == text ? Role.Server : null, TokenCheck.RoleOf(changed, cluster));
        Assert.Equal(Role.Server, TokenCheck.RoleOf(text, cluster));
    });

    private static Google.Protobuf.ByteString Hash(string text) => JoinToken.TryParse(text, out var token, out var error) ? TokenCheck.Hash(token) : throw new FormatException(error);
}
