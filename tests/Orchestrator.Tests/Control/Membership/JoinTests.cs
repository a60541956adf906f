using Grpc.Core;
using Orchestrator.Control;
using Orchestrator.Model;
using Orchestrator.Tests.Model;
using Orchestrator.Transport;
using Xunit;

namespace Orchestrator.Tests.Control.Membership;

public sealed class JoinTests
{
    [Fact]
    public async Task A_fourth_server_is_refused_and_leaves_the_group_as_it_was()
    {
        await using var group = await ServerGroup.StartAsync(3);

        var refusal = await Assert.ThrowsAsync<ServerStartException>(() => group.AddAsync(group.JoinOptions()));

        Assert.Contains("one server or three", refusal.Message, StringComparison.Ordinal);
        Assert.Equal(3, (await group.LeaderAsync()).Store.Members.Count);
    }

    [Fact]
    public async Task A_wrong_token_an_agents_token_and_another_clusters_token_are_refused_and_nothing_changes()
    {
        await using var group = await ServerGroup.StartAsync(1);
        await using var other = await ServerGroup.StartAsync(1);
        var cluster = group.Servers[0].Store.State.Cluster!;
        var guessed = cluster.ServerToken[..^2] + (cluster.ServerToken.EndsWith("aa", StringComparison.Ordinal) ? "bb" : "aa");

        foreach (var token in new[] { "nonsense", cluster.AgentToken, guessed, other.Servers[0].Store.State.Cluster!.ServerToken })
            await Assert.ThrowsAsync<ServerStartException>(() => group.AddAsync(group.JoinOptions(token)));

        Assert.Single(group.Servers[0].Store.Members);
        Assert.Single(group.Servers[0].Store.State.Cluster!.Servers);
    }

    [Fact]
    public async Task A_joiner_that_was_killed_at_any_point_joins_when_started_again()
    {
        await using var group = await ServerGroup.StartAsync(1);
        var options = group.JoinOptions();
        for (var delay = 1; group.Servers.Count == 1; delay *= 3)
        {
            using var killed = CancellationTokenSource.CreateLinkedTokenSource(ServerGroup.Deadline);
            killed.CancelAfter(delay);
            try
            {
                await (await ControlServer.StartAsync(options, group.Loggers, killed.Token)).DisposeAsync();
                await group.AddAsync(options with { Join = [], Token = null });
            }
            catch (OperationCanceledException) when (!ServerGroup.Deadline.IsCancellationRequested)
            {
                // The next attempt finds what this one left.
            }
        }
        Assert.Equal(2, (await group.LeaderAsync()).Store.Members.Count);
        Assert.Equal(2, (await group.LeaderAsync()).Store.State.Cluster!.Servers.Count);
    }

    [Fact]
    public async Task A_restart_needs_no_flags()
    {
        await using var group = await ServerGroup.StartAsync(1);
        var options = group.Options();
        await using var registry = await FakeRegistry.StartAsync();
        var first = await group.AddAsync(options);
        await group.StopAsync(first);

        var again = await group.AddAsync(new ServerOptions { DataDirectory = options.DataDirectory });

        Assert.Equal(first.ApiAddress, again.ApiAddress);
        Assert.Equal(first.Id, again.Id);
        Assert.Empty(again.Welcome);
    }

    [Fact]
    public async Task An_agent_gets_a_certificate_by_its_token()
    {
        await using var group = await ServerGroup.StartAsync(1);
        Assert.True(JoinToken.TryParse(group.Servers[0].Store.State.Cluster!.AgentToken, out var token, out _));

        var joined = await Joiner.JoinAsync(["127.0.0.1:1", group.Servers[0].ApiAddress], token, "worker", ServerGroup.Deadline);

        Assert.Equal(Role.Agent, joined.Credentials.Role);
        Assert.Equal([group.Servers[0].ApiAddress], joined.ServerAddresses);
    }

    [Fact]
    public async Task The_first_server_writes_a_context_that_works_and_that_only_root_can_read()
    {
        await using var group = await ServerGroup.StartAsync(1);
        var options = group.Options();
        await using var server = await ControlServer.StartAsync(options, group.Loggers, ServerGroup.Deadline);
        var path = Path.Combine(options.DataDirectory, "admin.json");
        var context = AdminContext.Load(path);
        using var channel = new ServerChannel(context.Servers, context.ToCredentials());

        Assert.Empty((await new Orchestrator.Model.Api.ApiClient(channel).ListStacksAsync(new(), cancellationToken: ServerGroup.Deadline)).Stacks);
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(path));
    }
}
