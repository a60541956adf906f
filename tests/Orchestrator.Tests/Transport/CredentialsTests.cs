using Orchestrator.Control.Certificates;
using Orchestrator.Transport;
using Xunit;

namespace Orchestrator.Tests.Transport;

public sealed class CredentialsTests
{
    private readonly CertificateAuthority _authority = CertificateAuthority.Create("cluster1", DateTimeOffset.UtcNow);

    [Fact]
    public void The_certificate_says_role_id_and_cluster()
    {
        var credentials = _authority.Issue(Role.Agent, "node1", DateTimeOffset.UtcNow);
        Assert.Equal(new CertificateSubject(Role.Agent, "node1", "cluster1"), credentials.Subject);
        Assert.Equal(credentials.Subject, credentials.Verify(credentials.Certificate));
        Assert.Equal(CertificateAuthority.Life, credentials.Certificate.NotAfter - credentials.Certificate.NotBefore - TimeSpan.FromHours(1));
    }

    [Fact]
    public void Another_clusters_an_expired_and_no_certificate_are_not_verified()
    {
        var mine = _authority.Issue(Role.Server, "s", DateTimeOffset.UtcNow);
        var foreign = CertificateAuthority.Create("cluster1", DateTimeOffset.UtcNow).Issue(Role.Server, "s", DateTimeOffset.UtcNow);
        var expired = _authority.Issue(Role.Server, "s", DateTimeOffset.UtcNow, TimeSpan.FromMinutes(-1));
        Assert.Null(mine.Verify(foreign.Certificate));
        Assert.Null(mine.Verify(expired.Certificate));
        Assert.Null(mine.Verify(null));
    }

    [Fact]
    public void A_request_is_signed_for_who_the_signer_says_and_garbage_is_not()
    {
        var pending = new PendingCredentials();
        var signed = _authority.Sign(pending.Request, Role.Agent, "node1", DateTimeOffset.UtcNow);
        Assert.Equal("node1", pending.Complete(signed!, _authority.CertificatePem).Id);
        Assert.Null(_authority.Sign([1, 2, 3], Role.Agent, "node1", DateTimeOffset.UtcNow));
        var tampered = pending.Request.ToArray();
        tampered[^1] ^= 1;
        Assert.Null(_authority.Sign(tampered, Role.Agent, "node1", DateTimeOffset.UtcNow));
    }

    [Fact]
    public void Saved_credentials_come_back_and_only_the_owner_can_read_them()
    {
        var directory = Directory.CreateTempSubdirectory("orc-credentials-");
        try
        {
            var credentials = _authority.Issue(Role.Agent, "node1", DateTimeOffset.UtcNow);
            Assert.False(Credentials.Exist(directory.FullName));
            credentials.Save(directory.FullName);
            Assert.Equal(credentials.Certificate, Credentials.Load(directory.FullName).Certificate);
            Assert.All(directory.GetFiles(), f => Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, f.UnixFileMode));
        }
        finally
        {
            directory.Delete(recursive: true);
        }
    }
}
