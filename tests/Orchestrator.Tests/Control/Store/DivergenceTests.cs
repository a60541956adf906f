using Orchestrator.Control.Store;
using Xunit;

namespace Orchestrator.Tests.Control.Store;

public sealed class DivergenceTests
{
    /// <summary>The follower's snapshot is replaced by one of another history, as a bug or a damaged disk might.</summary>
    [Fact(Timeout = 90_000)]
    public async Task A_server_whose_state_differs_sets_its_data_aside_and_joins_again()
    {
        StoreCluster? cluster = null;
        StoreOptions Options(StoreOptions o) => MembershipTests.With(o, snapshotEntries: 20, TimeSpan.FromMilliseconds(200), Rejoin(o.PublicAddress));
        RejoinSteps Rejoin(string address) => new(
            async c => await (await cluster!.LeaderAsync()).Store.RemoveMemberAsync(address, c),
            async c => await (await cluster!.LeaderAsync()).Store.AddMemberAsync(address, c));

        cluster = await StoreCluster.StartAsync(3, Options);
        await using var _ = cluster;
        for (var i = 0; i < 60; i++)
            await cluster.ProposeAsync(StoreCluster.PutStack($"s{i}"));
        await cluster.AgreeAsync(members: 3);
        var leader = await cluster.LeaderAsync();
        var follower = cluster.Servers.First(s => s != leader);
        await follower.StopAsync();
        Falsify(follower.Directory);
        await follower.StartAsync();

        var aside = () => Directory.GetDirectories(follower.Directory, "diverged-*");
        for (var i = 0; aside().Length == 0 || File.Exists(Path.Combine(follower.Directory, "rejoining")); i++)
        {
            await cluster.ProposeAsync(StoreCluster.PutStack($"more{i}"));
            await Task.Delay(50, TestContext.Current.CancellationToken);
        }
        await cluster.AgreeAsync(members: 3);
        Assert.DoesNotContain("never-committed", follower.Store.State.Stacks.Keys);
    }

    private static void Falsify(string directory)
    {
        var snapshot = new DirectoryInfo(Path.Combine(directory, "snapshots")).GetFiles("*.snapshot")
            .Select(f => SnapshotFile.FromPath(f.FullName)!).MaxBy(s => s.Index)!;
        var (state, index, term) = SnapshotDirectory.Read(snapshot);
        using var file = File.Create(snapshot.Path);
        SnapshotFormat.Write(file, state.Apply(StoreCluster.PutStack("never-committed"), state.Revision, (ulong)term).State, index, term);
    }
}
