using System.Diagnostics;
using System.Globalization;
using Orchestrator.StoreHost.Driving;
using Xunit;

namespace Orchestrator.Durability;

/// <summary>Three real server processes are killed while many clients write: nothing that was acknowledged may be lost, and the servers agree.</summary>
[Collection("processes")]
public sealed class KillMatrixTests(ITestOutputHelper output)
{
    internal static readonly int Rounds = int.Parse(Environment.GetEnvironmentVariable("ORC_ROUNDS") ?? "10", CultureInfo.InvariantCulture);

    [Theory]
    [InlineData(16, 0)]
    [InlineData(64, 0)]
    [InlineData(16, 5000)]
    [InlineData(64, 5000)]
    public async Task No_acknowledged_change_is_lost(int writers, int flushDelayUs)
    {
        var environment = flushDelayUs == 0 ? [] : SlowFlush.Environment(flushDelayUs);
        if (environment is null)
            Assert.Skip("needs gcc to build the library that slows flushes");
        // Snapshots and digests fall into the kills too.
        environment["STORE_HOST_SNAPSHOT_ENTRIES"] = "400";
        environment["STORE_HOST_DIGEST_SECONDS"] = "1";
        await using var group = await HostGroup.StartAsync(3, environment);
        var clients = new Writers(group, writers);
        var rounds = flushDelayUs == 0 ? Rounds : (Rounds + 1) / 2;
        // A rolling round kills three times.
        foreach (var victims in Enum.GetValues<Victims>())
            await RunAsync(group, clients, victims, victims == Victims.Rolling ? (rounds + 2) / 3 : rounds);
    }

    private async Task RunAsync(HostGroup group, Writers clients, Victims victims, int rounds)
    {
        var (watch, before) = (Stopwatch.StartNew(), clients.Acknowledged);
        for (var round = 0; round < rounds; round++)
        {
            clients.Start();
            await clients.AcknowledgedMoreAsync(clients.Count * (2 + round % 5));
            await KillAsync(group, victims, clients);
            await clients.AcknowledgedMoreAsync(clients.Count);
            await clients.StopAsync();
            await CheckAsync(group, clients);
        }
        output.WriteLine($"{victims}, {clients.Count} writers: {rounds} rounds, {clients.Acknowledged - before} acknowledged, 0 lost, "
            + $"{watch.Elapsed.TotalSeconds:0} s");
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
        if (await group.DisagreementAsync(TimeSpan.FromSeconds(60)) is { } disagreement)
            Assert.Fail($"the servers' states differ:\n{disagreement}");
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

    /// <summary>One after the other, each back before the next; it need not have caught up.</summary>
    Rolling,
}
