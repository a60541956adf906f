using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using Orchestrator.Control.Certificates;
using Orchestrator.Transport;
using Xunit;

namespace Orchestrator.Tests.Transport;

public sealed class ServerChannelTests
{
    [Fact]
    public void A_new_list_of_servers_keeps_the_one_in_use_first()
    {
        var credentials = CertificateAuthority.Create("cluster1", DateTimeOffset.UtcNow).Issue(Role.Agent, "node1", DateTimeOffset.UtcNow);
        using var channel = new ServerChannel(["a:1", "b:1", "c:1"], credentials);
        channel.MoveOn();
        channel.Addresses = ["a:1", "c:1", "b:1"];
        Assert.Equal(["b:1", "a:1", "c:1"], channel.Addresses);
        channel.MoveOn();
        Assert.Equal(["a:1", "c:1", "b:1"], channel.Addresses);
    }

    [Fact]
    public async Task A_server_of_another_cluster_is_named_as_such()
    {
        var (mine, theirs) = (CertificateAuthority.Create("mine", DateTimeOffset.UtcNow), CertificateAuthority.Create("theirs", DateTimeOffset.UtcNow));
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        var serving = ShakeHandsAsync(listener, theirs.Issue(Role.Server, "s", DateTimeOffset.UtcNow));
        var address = listener.LocalEndpoint.ToString()!;
        var options = Tls.ToServer(mine.Issue(Role.Agent, "a", DateTimeOffset.UtcNow));
        var error = await Assert.ThrowsAsync<IOException>(() => Tls.ConnectAsync(address, options, TimeSpan.FromSeconds(10), TestContext.Current.CancellationToken));
        Assert.Equal($"{address}: its certificate is not that of a server of this cluster, or has run out", error.Message);
        await serving;
    }

    private static async Task ShakeHandsAsync(TcpListener listener, Credentials credentials)
    {
        using var client = await listener.AcceptTcpClientAsync();
        await using var stream = new SslStream(client.GetStream());
        var options = Tls.ServerOptions(SslStreamCertificateContext.Create(credentials.Certificate, null), _ => true);
        await Record.ExceptionAsync(() => stream.AuthenticateAsServerAsync(options));
    }
}
