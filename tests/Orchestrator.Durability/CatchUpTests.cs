using Orchestrator.StoreHost;
using Orchestrator.StoreHost.Driving;
using Xunit;

namespace Orchestrator.Durability;

/// <summary>A server that was away comes back while the others need it.</summary>
[Collection("processes")]
public sealed class CatchUpTests
{
    private static readonly Dictionary<string, string> s_fewEntriesASnapshot = new() { ["STORE_HOST_SNAPSHOT_ENTRIES"] = "100" };

    /// <summary>Every flush of the follower takes longer than a server may be silent: its answer to the snapshot, and to each entry, comes late.
    /// When the third server goes, the majority needs those answers.</summary>
    [Fact]
    public async Task A_follower_that_is_slow_to_take_what_it_missed_counts_in_the_end()
    {
        if (SlowFlush.Environment(400_000) is not { } slow)
        {
            Assert.Skip("needs gcc to build the library that slows flushes");
            return;
        }
        await using var group = await HostGroup.StartAsync(3, s_fewEntriesASnapshot);
        var leader = await group.LeaderAsync(cancellation: TestContext.Current.CancellationToken);
        var followers = group.Hosts.Where(h => h != leader).ToArray();
        await followers[0].KillAsync();
        await WriteAsync(group, 0, 400);
        await followers[0].StartAsync(environment: slow);
        await group.CaughtUpAsync(followers[0]);
        await followers[1].KillAsync();
        await WriteAsync(group, 400, 3).WaitAsync(TimeSpan.FromSeconds(60), TestContext.Current.CancellationToken);
        await followers[1].StartAsync();
        Assert.Null(await group.DisagreementAsync(TimeSpan.FromSeconds(60)));
    }

    private static async Task WriteAsync(HostGroup group, int from, int count)
    {
        for (var number = from + 1; number <= from + count; number++)
            await group.ProposeAsync(NumberedStack.Put($"s{number}", number, $"s:{number}"), TestContext.Current.CancellationToken);
    }
}
