using System.Net;
using Orchestrator.Engine.Networks;
using Xunit;

namespace Orchestrator.Tests.Engine.Networks;

public sealed class NodeNetworksTests
{
    private static readonly ClusterNetwork s_web = new("shop_default", 100, IPNetwork.Parse("10.160.0.0/16"), false);

    [Fact]
    public async Task Containers_on_two_machines_reach_each_other()
    {
        Lab.RequireRoot();
        await using var lab = new Lab();
        var (a, b) = await lab.AddPairAsync(s_web);
        var one = await a.AttachAsync("one", s_web.Id);
        var two = await b.AttachAsync("two", s_web.Id);
        Shell.Run(one.NetnsPath, "ping", "-c1", "-W2", "-M", "do", "-s", "1422", two.Addresses[s_web.Id].ToString());
    }
}
