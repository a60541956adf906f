using Grpc.Core;
using Orchestrator.Model;
using Orchestrator.Tests.Model;
using Orchestrator.Transport;
using Xunit;
using static Orchestrator.Model.Api;

namespace Orchestrator.Tests.Control.Api;

public sealed class ForwardingTests
{
    [Fact]
    public async Task A_follower_passes_writes_and_streams_on_to_the_leader()
    {
        await using var registry = await FakeRegistry.StartAsync();
        await using var group = await ServerGroup.StartAsync(3);
        var leader = await group.LeaderAsync();
        var follower = group.Servers.First(s => s != leader);
        var api = new ApiClient(group.Channel(Role.Admin, "admin", follower));

        using var watch = api.WatchStack(new() { Stack = "shop" }, cancellationToken: ServerGroup.Deadline);
        Assert.True(await watch.ResponseStream.MoveNext(ServerGroup.Deadline));
        Assert.False(watch.ResponseStream.Current.Exists);
        await api.ApplyStackAsync(new() { Spec = Specs.Stack("shop", Specs.Service("web", 2, registry.Image)) }, cancellationToken: ServerGroup.Deadline);
        while (watch.ResponseStream.Current.Services.Count == 0)
            Assert.True(await watch.ResponseStream.MoveNext(ServerGroup.Deadline));
        var info = await api.GetClusterInfoAsync(new() { Tokens = true }, cancellationToken: ServerGroup.Deadline);

        Assert.Equal(3, info.Servers.Count);
        Assert.Equal(leader.Id, info.LeaderId);
        Assert.Equal(follower.Id, info.AnsweredBy);
        Assert.StartsWith("ORC-1-agent-", info.AgentToken, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Calls_ride_over_the_loss_of_the_leader()
    {
        await using var registry = await FakeRegistry.StartAsync();
        await using var group = await ServerGroup.StartAsync(3);
        var api = new ApiClient(group.Channel(Role.Admin));
        await api.ApplyStackAsync(new() { Spec = Specs.Stack("before", Specs.Service("web", 1, registry.Image)) }, cancellationToken: ServerGroup.Deadline);

        await group.StopAsync(await group.LeaderAsync());
        await api.ApplyStackAsync(new() { Spec = Specs.Stack("after", Specs.Service("web", 1, registry.Image)), RequestId = "r" }, cancellationToken: ServerGroup.Deadline);

        Assert.Equal(["after", "before"], (await api.ListStacksAsync(new(), cancellationToken: ServerGroup.Deadline)).Stacks.Select(s => s.Name));
    }

    [Fact]
    public async Task Without_a_majority_writes_say_that_there_is_no_leader_and_stale_reads_go_on()
    {
        await using var group = await ServerGroup.StartAsync(2);
        var follower = group.Servers.First(s => !s.Store.IsLeader);
        await group.StopAsync(group.Servers.First(s => s.Store.IsLeader));
        using var channel = new ServerChannel([follower.ApiAddress], group.Credentials(Role.Admin)) { Patience = TimeSpan.Zero };
        var api = new ApiClient(channel);

        var refusal = await Assert.ThrowsAsync<RpcException>(async () => await api.RemoveStackAsync(new() { Name = "shop" }, cancellationToken: ServerGroup.Deadline));
        var stale = await api.ListStacksAsync(new(), new Metadata { { "x-orc-consistency", "stale" } }, cancellationToken: ServerGroup.Deadline);

        Assert.Equal(StatusCode.Unavailable, refusal.StatusCode);
        Assert.StartsWith("no leader: ", refusal.Status.Detail, StringComparison.Ordinal);
        Assert.Empty(stale.Stacks);
    }
}
