using System.Diagnostics;
using Grpc.Core;
using Orchestrator.StoreHost;
using Orchestrator.StoreHost.Driving;
using Xunit;

namespace Orchestrator.Durability;

/// <summary>Servers that hang (SIGSTOP) and come back without knowing it.</summary>
[Collection("processes")]
public sealed class PausedServerTests(ITestOutputHelper output)
{
    [Fact]
    public async Task A_leader_that_slept_through_an_election_answers_no_stale_read()
    {
        await using var group = await HostGroup.StartAsync(3);
        var number = 0L;
        var (fresh, refused) = (0, 0);
        for (var round = 0; round < Math.Min(KillMatrixTests.Rounds, 5); round++)
        {
            var old = await group.LeaderAsync(cancellation: TestContext.Current.CancellationToken);
            await WriteAsync(group, ++number);
            await old.PauseAsync();
            var reads = Enumerable.Range(0, 30).Select(_ => ReadAsync(old)).ToArray();
            await group.LeaderAsync(old, TestContext.Current.CancellationToken);
            await WriteAsync(group, ++number);
            await old.ResumeAsync();
            foreach (var reply in await Task.WhenAll(reads))
            {
                if (reply?.Answered == true)
                    Assert.Equal(number, reply.Value);
                (fresh, refused) = reply?.Answered == true ? (fresh + 1, refused) : (fresh, refused + 1);
            }
        }
        Assert.Null(await group.DisagreementAsync(TimeSpan.FromSeconds(60)));
        output.WriteLine($"reads queued at the old leader: {fresh} fresh, {refused} refused, 0 stale");
    }

    [Fact]
    public async Task Writes_go_on_while_any_one_server_hangs()
    {
        await using var group = await HostGroup.StartAsync(3);
        var clients = new Writers(group, 16);
        for (var round = 0; round < Math.Min(KillMatrixTests.Rounds, 4); round++)
        {
            clients.Start();
            await clients.AcknowledgedMoreAsync(16);
            var leader = await group.LeaderAsync(cancellation: TestContext.Current.CancellationToken);
            var hung = round % 2 == 0 ? leader : group.Hosts.First(h => h != leader);
            await hung.PauseAsync();
            var before = clients.Acknowledged;
            await clients.AcknowledgedMoreAsync(50);
            Assert.True(clients.Acknowledged > before);
            await hung.ResumeAsync();
            await clients.StopAsync();
            await KillMatrixTests.CheckAsync(group, clients);
        }
    }

    /// <summary>A server may be silent for very long here, so that an election which waits for the hung one is seen.</summary>
    [Fact]
    public async Task An_election_does_not_wait_for_the_server_that_hangs()
    {
        await using var group = await HostGroup.StartAsync(3, new Dictionary<string, string> { ["STORE_HOST_REQUEST_TIMEOUT_MS"] = "30000" });
        for (var round = 0; round < Math.Min(KillMatrixTests.Rounds, 3); round++)
        {
            // All know all members by then.
            await WriteAsync(group, (2 * round) + 1);
            Assert.Null(await group.DisagreementAsync(TimeSpan.FromSeconds(60)));
            var hung = await group.LeaderAsync(cancellation: TestContext.Current.CancellationToken);
            await hung.PauseAsync();
            var watch = Stopwatch.StartNew();
            await group.LeaderAsync(hung, TestContext.Current.CancellationToken).WaitAsync(TimeSpan.FromSeconds(15), TestContext.Current.CancellationToken);
            output.WriteLine($"a new leader after {watch.ElapsedMilliseconds} ms");
            await WriteAsync(group, (2 * round) + 2);
            await hung.ResumeAsync();
            Assert.Null(await group.DisagreementAsync(TimeSpan.FromSeconds(60)));
        }
    }

    private static async Task WriteAsync(HostGroup group, long number) =>
        await group.ProposeAsync(NumberedStack.Put("a", number, $"a:{number}"), TestContext.Current.CancellationToken);

    private static async Task<ReadReply?> ReadAsync(HostProcess host)
    {
        try
        {
            return await host.Client.ReadAsync(new() { Stack = "a" }, deadline: DateTime.UtcNow.AddSeconds(20));
        }
        catch (RpcException)
        {
            return null;
        }
    }
}
