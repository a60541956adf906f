using Orchestrator.Control.Store;
using Xunit;

namespace Orchestrator.Tests.Control.Store;

public sealed class MembershipTests
{
    [Fact(Timeout = 60_000)]
    public async Task A_joiner_that_cannot_be_reached_is_not_added_and_the_cluster_goes_on()
    {
        await using var cluster = await StoreCluster.StartAsync(1);
        using var soon = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        soon.CancelAfter(TimeSpan.FromSeconds(1));
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => cluster.Servers[0].Store.AddMemberAsync("127.0.0.1:1", soon.Token));
        Assert.Null((await cluster.ProposeAsync(StoreCluster.PutStack("a"))).Refusal);
        Assert.Single(cluster.Servers[0].Store.Members);
    }

    [Fact(Timeout = 60_000)]
    public async Task A_joiner_that_dies_while_it_joins_can_come_back_and_join()
    {
        await using var cluster = await StoreCluster.StartAsync(1);
        for (var i = 0; i < 200; i++)
            await cluster.ProposeAsync(StoreCluster.PutStack($"s{i}"));
        var joiner = await cluster.AddServerAsync(bootstrap: false);
        var adding = cluster.Servers[0].Store.AddMemberAsync(joiner.Address, TestContext.Current.CancellationToken);
        await joiner.StopAsync();
        await joiner.StartAsync();
        await adding;
        await cluster.ProposeAsync(StoreCluster.PutStack("after"));
        await cluster.AgreeAsync(members: 2);
    }

    /// <summary>The second server may not know yet that it is a member; it must know the first, or nobody could be elected ever again.</summary>
    [Fact]
    public async Task A_leader_that_is_lost_as_it_admits_the_second_server_can_come_back()
    {
        for (var i = 0; i < 3; i++)
        {
            await using var cluster = await StoreCluster.StartAsync(2);
            await cluster.Servers[0].StopAsync();
            Assert.Contains(cluster.Servers[0].Address, cluster.Servers[1].Store.Members);
            await cluster.Servers[0].StartAsync();
            Assert.Null((await cluster.ProposeAsync(StoreCluster.PutStack("after"))).Refusal);
        }
    }

    [Fact(Timeout = 60_000)]
    public async Task A_server_that_joins_late_catches_up_from_a_snapshot_and_a_tail()
    {
        await using var cluster = await StoreCluster.StartAsync(1, o => With(o, snapshotEntries: 50));
        for (var i = 0; i < 500; i++)
            await cluster.ProposeAsync(StoreCluster.PutStack($"s{i}"));
        var joiner = await cluster.AddServerAsync(bootstrap: false);
        await cluster.Servers[0].Store.AddMemberAsync(joiner.Address, TestContext.Current.CancellationToken);
        await cluster.AgreeAsync(members: 2);
        Assert.Equal(500, joiner.Store.State.Stacks.Count);
    }

    [Fact(Timeout = 60_000)]
    public async Task A_removed_server_can_be_added_again_with_its_old_data()
    {
        await using var cluster = await StoreCluster.StartAsync(3);
        var removed = cluster.Servers[2];
        await (await cluster.LeaderAsync()).Store.RemoveMemberAsync(removed.Address, TestContext.Current.CancellationToken);
        for (var i = 0; i < 50; i++)
            await cluster.ProposeAsync(StoreCluster.PutStack($"s{i}"));
        await (await cluster.LeaderAsync()).Store.AddMemberAsync(removed.Address, TestContext.Current.CancellationToken);
        await cluster.AgreeAsync(members: 3);
        Assert.Equal(50, removed.Store.State.Stacks.Count);
    }

    [Fact(Timeout = 60_000)]
    public async Task A_server_that_lost_its_disk_is_removed_and_joins_again()
    {
        await using var cluster = await StoreCluster.StartAsync(3, o => With(o, snapshotEntries: 50));
        for (var i = 0; i < 120; i++)
            await cluster.ProposeAsync(StoreCluster.PutStack($"s{i}"));
        var leader = await cluster.LeaderAsync();
        var wiped = cluster.Servers.First(s => s != leader);
        await wiped.StopAsync();
        Directory.Delete(wiped.Directory, recursive: true);
        await (await cluster.LeaderAsync()).Store.RemoveMemberAsync(wiped.Address, TestContext.Current.CancellationToken);
        await wiped.StartAsync();
        await (await cluster.LeaderAsync()).Store.AddMemberAsync(wiped.Address, TestContext.Current.CancellationToken);
        await cluster.ProposeAsync(StoreCluster.PutStack("after"));
        await cluster.AgreeAsync(members: 3);
        Assert.Equal(121, wiped.Store.State.Stacks.Count);
    }

    /// <summary>A leader of one begins without an entry of its own term.</summary>
    [Fact(Timeout = 60_000)]
    public async Task A_leader_of_one_that_has_only_restarted_can_add_a_server()
    {
        await using var cluster = await StoreCluster.StartAsync(1);
        await cluster.ProposeAsync(StoreCluster.PutStack("a"));
        await cluster.Servers[0].StopAsync();
        await cluster.Servers[0].StartAsync();
        var joiner = await cluster.AddServerAsync(bootstrap: false);
        await (await cluster.LeaderAsync()).Store.AddMemberAsync(joiner.Address, TestContext.Current.CancellationToken);
        await cluster.AgreeAsync(members: 2);
    }

    [Fact(Timeout = 60_000)]
    public async Task A_leader_that_is_removed_is_followed_by_another()
    {
        await using var cluster = await StoreCluster.StartAsync(3);
        var old = await cluster.LeaderAsync();
        await old.Store.RemoveMemberAsync(old.Address, TestContext.Current.CancellationToken);
        await old.StopAsync();
        Assert.Null((await cluster.ProposeAsync(StoreCluster.PutStack("after"))).Refusal);
    }

    [Fact(Timeout = 60_000)]
    public async Task A_fourth_server_is_refused()
    {
        await using var cluster = await StoreCluster.StartAsync(3);
        var leader = await cluster.LeaderAsync();
        var refused = await Assert.ThrowsAsync<MembershipException>(() => leader.Store.AddMemberAsync("127.0.0.1:9", TestContext.Current.CancellationToken));
        Assert.Contains("3 servers", refused.Message, StringComparison.Ordinal);
    }

    [Fact(Timeout = 60_000)]
    public async Task A_follower_refuses_and_names_the_leader()
    {
        await using var cluster = await StoreCluster.StartAsync(2);
        var leader = await cluster.LeaderAsync();
        var follower = cluster.Servers.First(s => s != leader).Store;
        await StoreCluster.UntilAsync(() => follower.LeaderRaftAddress is not null);
        var refused = await Assert.ThrowsAsync<NotLeaderException>(() =>
            follower.ProposeAsync(StoreCluster.PutStack("a"), TestContext.Current.CancellationToken));
        Assert.Equal(leader.Address, refused.LeaderRaftAddress);
        await Assert.ThrowsAsync<NotLeaderException>(() => follower.ReadBarrierAsync(TestContext.Current.CancellationToken));
    }

    internal static StoreOptions With(StoreOptions options, int snapshotEntries = 8192, TimeSpan? digests = null, RejoinSteps? rejoin = null) => new()
    {
        Directory = options.Directory,
        ListenAddress = options.ListenAddress,
        PublicAddress = options.PublicAddress,
        Bootstrap = options.Bootstrap,
        Tls = options.Tls,
        SnapshotEntries = snapshotEntries,
        DigestInterval = digests ?? options.DigestInterval,
        Rejoin = rejoin,
    };
}
