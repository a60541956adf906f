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
}
