using System.Diagnostics;
using System.Globalization;
using Orchestrator.StoreHost.Driving;
using Xunit;

[assembly: Xunit.CollectionBehavior(DisableTestParallelization = true)]

namespace Orchestrator.Durability;

/// <summary>Three real server processes are killed while many clients write: nothing that was acknowledged may be lost, and the servers agree.</summary>
public sealed class KillMatrixTests(ITestOutputHelper output)
{
    internal static readonly int Rounds = int.Parse(Environment.GetEnvironmentVariable("ORC_ROUNDS") ?? "10", CultureInfo.InvariantCulture);

    [Theory]
    [InlineData(Victims.Leader, 16, 0)]
    [InlineData(Victims.Leader, 64, 0)]
    [InlineData(Victims.Follower, 16, 0)]
    [InlineData(Victims.Follower, 64, 0)]
    [InlineData(Victims.All, 16, 0)]
    [InlineData(Victims.All, 64, 0)]
    [InlineData(Victims.Rolling, 16, 0)]
    [InlineData(Victims.Rolling, 64, 0)]
    [InlineData(Victims.Leader, 16, 5000)]
    [InlineData(Victims.Follower, 16, 5000)]
    [InlineData(Victims.All, 16, 5000)]
    [InlineData(Victims.All, 64, 5000)]
    [InlineData(Victims.Rolling, 16, 5000)]
    public async Task No_acknowledged_change_is_lost(Victims victims, int writers, int flushDelayUs)
    {
        var environment = flushDelayUs == 0 ? [] : SlowFlush.Environment(flushDelayUs);
        if (environment is null)
            Assert.Skip("needs gcc to build the library that slows flushes");
        // Snapshots fall into the kills too.
        environment["STORE_HOST_SNAPSHOT_ENTRIES"] = "400";
        environment["STORE_HOST_DIGEST_SECONDS"] = "2";
        var watch = Stopwatch.StartNew();
        await using var group = await HostGroup.StartAsync(3, environment);
        var clients = new Writers(group, writers);
        for (var round = 0; round < Rounds; round++)
        {
            clients.Start();
            await clients.AcknowledgedMoreAsync(writers * (2 + round % 5));
            await KillAsync(group, victims, clients);
            await clients.AcknowledgedMoreAsync(writers);
            await clients.StopAsync();
            await CheckAsync(group, clients);
        }
        output.WriteLine($"{victims}, {writers} writers, {flushDelayUs} us: {Rounds} rounds, {clients.Acknowledged} acknowledged, 0 lost, {watch.Elapsed.TotalSeconds:0} s");
    }

    private static async Task KillAsync(HostGroup group, Victims victims, Writers clients)
    {
        var leader = await group.LeaderAsync();
        var hosts = victims switch
        {
            Victims.Leader => [leader],
            Victims.Follower => [group.Hosts.First(h => h != leader)],
            _ => group.Hosts,
        };
        if (victims == Victims.Rolling)
        {
            foreach (var host in hosts)
            {
                await host.KillAsync();
                await clients.AcknowledgedMoreAsync(5);
                await host.StartAsync();
            }
            return;
        }
        await Task.WhenAll(hosts.Select(h => h.KillAsync()));
        if (victims != Victims.All)
            await clients.AcknowledgedMoreAsync(5);
        await Task.WhenAll(hosts.Select(h => h.StartAsync()));
    }

    internal static async Task CheckAsync(HostGroup group, Writers clients)
    {
        Assert.True(await group.CommonDigestAsync(TimeSpan.FromSeconds(30)) is not null, "the servers' states differ");
        foreach (var host in group.Hosts)
        {
            var values = await host.Client.ListValuesAsync(new(), cancellationToken: TestContext.Current.CancellationToken);
            Assert.Empty(clients.LostFrom(values.Values.ToDictionary(v => v.Stack, v => v.Value)));
        }
    }
}

/// <summary>Whom a round kills with SIGKILL.</summary>
public enum Victims
{
    Leader,
    Follower,
    All,

    /// <summary>One after the other, each back before the next.</summary>
    Rolling,
}
