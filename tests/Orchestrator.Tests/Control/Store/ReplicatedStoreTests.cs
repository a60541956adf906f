using Orchestrator.Control.Store;
using Orchestrator.Model;
using Xunit;

namespace Orchestrator.Tests.Control.Store;

public sealed class ReplicatedStoreTests
{
    [Fact(Timeout = 30_000)]
    public async Task One_server_leads_itself_and_keeps_its_state_over_restarts()
    {
        await using var cluster = await StoreCluster.StartAsync(1);
        var server = cluster.Servers[0];
        var result = await cluster.ProposeAsync(StoreCluster.PutStack("a"));
        Assert.Null(result.Refusal);
        var term = (await server.Store.WaitForLeadershipAsync(TestContext.Current.CancellationToken)).Term;
        var digest = server.Store.State.Digest();

        await server.StopAsync();
        await server.StartAsync();

        var leadership = await server.Store.WaitForLeadershipAsync(TestContext.Current.CancellationToken);
        Assert.Equal(result.Revision, server.Store.State.Revision);
        Assert.Equal(digest, server.Store.State.Digest());
        Assert.True(leadership.Term > term, "every leadership has a term of its own");
    }

    [Fact(Timeout = 60_000)]
    public async Task Three_servers_grown_from_one_while_writes_go_on_agree()
    {
        await using var cluster = await StoreCluster.StartAsync(1);
        await cluster.ProposeAsync(StoreCluster.PutStack("first"));
        using var stop = new CancellationTokenSource();
        var writers = Enumerable.Range(0, 8).Select(w => WriteAsync(cluster, w, stop.Token)).ToArray();
        for (var i = 1; i < 3; i++)
        {
            var joiner = await cluster.AddServerAsync(bootstrap: false);
            await (await cluster.LeaderAsync()).Store.AddMemberAsync(joiner.Address, TestContext.Current.CancellationToken);
        }
        await stop.CancelAsync();
        var written = (await Task.WhenAll(writers)).SelectMany(w => w).ToList();
        await cluster.CaughtUpAsync();
        Assert.All(cluster.Servers, s => Assert.Equal(3, s.Store.Members.Count));
        Assert.NotEmpty(written);
        Assert.All(written, name => Assert.Contains(name, cluster.Servers[2].Store.State.Stacks.Keys));
        Assert.Single(cluster.Servers.Select(s => Convert.ToHexString(s.Store.State.Digest())).Distinct());
    }

    private static async Task<List<string>> WriteAsync(StoreCluster cluster, int writer, CancellationToken stop)
    {
        var written = new List<string>();
        for (var i = 0; !stop.IsCancellationRequested; i++)
        {
            var name = $"w{writer}-{i}";
            Assert.Null((await cluster.ProposeAsync(StoreCluster.PutStack(name, name))).Refusal);
            written.Add(name);
        }
        return written;
    }
}
