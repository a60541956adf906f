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
        await cluster.AgreeAsync(members: 3);
        Assert.NotEmpty(written);
        Assert.All(written, name => Assert.Contains(name, cluster.Servers[2].Store.State.Stacks.Keys));
    }

    [Fact]
    public async Task A_repeated_request_is_answered_with_the_first_result_also_by_another_leader()
    {
        await using var cluster = await StoreCluster.StartAsync(3);
        var first = await cluster.ProposeAsync(StoreCluster.PutStack("a", "request-1"));
        await (await cluster.LeaderAsync()).StopAsync();
        var again = await cluster.ProposeAsync(StoreCluster.PutStack("a", "request-1"));
        Assert.Equal(first, again);
        Assert.True(again.Revision < (await cluster.LeaderAsync()).Store.State.Revision, "the repetition was an entry of its own");
    }

    [Fact(Timeout = 60_000)]
    public async Task Work_of_an_earlier_leadership_is_refused()
    {
        await using var cluster = await StoreCluster.StartAsync(1);
        var server = cluster.Servers[0];
        var old = await server.Store.WaitForLeadershipAsync(TestContext.Current.CancellationToken);
        await server.StopAsync();
        await server.StartAsync();
        var change = StoreCluster.PutStack("a");
        change.Term = old.Term;
        Assert.Equal(RefusalKind.StaleTerm, (await cluster.ProposeAsync(change)).Refusal?.Kind);
        Assert.True(old.Lost.IsCancellationRequested);
    }

    [Fact]
    public async Task A_change_that_does_not_fit_into_an_entry_is_refused_in_words()
    {
        await using var cluster = await StoreCluster.StartAsync(1);
        var change = StoreCluster.PutStack("a");
        change.RequestId = new string('r', ReplicatedStore.ChangeBytesMax);
        var result = await cluster.ProposeAsync(change);
        Assert.Equal(RefusalKind.Invalid, result.Refusal?.Kind);
        Assert.Contains("at most", result.Refusal?.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_damaged_snapshot_is_named_and_not_used()
    {
        await using var cluster = await StoreCluster.StartAsync(1, o => MembershipTests.With(o, snapshotEntries: 10));
        var server = cluster.Servers[0];
        for (var i = 0; i < 30; i++)
            await cluster.ProposeAsync(StoreCluster.PutStack($"s{i}"));
        var snapshots = new DirectoryInfo(Path.Combine(server.Directory, "snapshots"));
        await StoreCluster.UntilAsync(() => snapshots.GetFiles("*.snapshot").Length > 0);
        await server.StopAsync();
        var newest = snapshots.GetFiles("*.snapshot").MaxBy(f => f.LastWriteTimeUtc)!;
        using (var file = newest.Open(FileMode.Open))
        {
            file.Position = 60;
            file.WriteByte(255);
        }
        var error = await Assert.ThrowsAsync<InvalidDataException>(server.StartAsync);
        Assert.Contains(newest.Name, error.Message, StringComparison.Ordinal);
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
