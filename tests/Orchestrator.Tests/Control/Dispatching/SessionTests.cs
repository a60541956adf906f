using System.Text;
using Google.Protobuf;
using Grpc.Core;
using Orchestrator.Control.Dispatching;
using Orchestrator.Model;
using Orchestrator.Tests.Model;
using Orchestrator.Transport;
using Xunit;
using static Orchestrator.Model.Api;

namespace Orchestrator.Tests.Control.Dispatching;

public sealed class SessionTests
{
    [Fact]
    public async Task An_agent_gets_its_replicas_and_what_it_reports_is_seen()
    {
        await using var registry = await FakeRegistry.StartAsync();
        await using var group = await ServerGroup.StartAsync(1);
        var api = new ApiClient(group.Channel(Role.Admin));
        using var agent = await FakeAgent.RegisterAsync(group.Channel(Role.Agent, "n1"), "n1");
        await agent.UntilAsync(m => m.Registered is not null);
        await agent.UntilAsync(m => m.Assignments is { Whole: true });

        await api.ApplyStackAsync(new() { Spec = Specs.Stack("shop", Specs.Service("web", 3, registry.Image)) }, cancellationToken: ServerGroup.Deadline);
        await agent.UntilAsync(_ => agent.Assigned.Count == 3);
        await agent.ReportAsync(ReplicaState.Running, agent.Assigned.Keys);
        await RunningAsync(api, 3);
        await api.ScaleServiceAsync(new() { Service = "web", Replicas = 1 }, cancellationToken: ServerGroup.Deadline);
        await agent.UntilAsync(_ => agent.Assigned.Values.Count(a => a.Desired == DesiredState.DesiredShutdown) == 2);

        Assert.All(agent.Assigned.Values, a => Assert.Equal(registry.Digest, a.Spec.Container.ImageDigest));
    }

    [Fact]
    public async Task A_silent_node_is_down_and_ready_again_when_it_comes_back()
    {
        await using var group = await ServerGroup.StartAsync(1, new HeartbeatRule(TimeSpan.FromMilliseconds(500), TimeSpan.FromMilliseconds(300)));
        var api = new ApiClient(group.Channel(Role.Admin));
        using var agent = await FakeAgent.RegisterAsync(group.Channel(Role.Agent, "n1"), "n1");

        await StatusAsync(api, NodeStatus.NodeReady);
        await StatusAsync(api, NodeStatus.NodeDown);
        using var back = CancellationTokenSource.CreateLinkedTokenSource(ServerGroup.Deadline);
        var beating = BeatAsync(agent, back.Token);
        await StatusAsync(api, NodeStatus.NodeReady);
        await back.CancelAsync();
        await beating;
    }

    [Fact]
    public async Task A_newer_session_of_a_node_ends_the_older_one()
    {
        await using var group = await ServerGroup.StartAsync(1);
        using var older = await FakeAgent.RegisterAsync(group.Channel(Role.Agent, "n1"), "n1");
        await older.UntilAsync(m => m.Assignments is not null);
        using var newer = await FakeAgent.RegisterAsync(group.Channel(Role.Agent, "n1"), "n1");
        await newer.UntilAsync(m => m.Assignments is not null);

        var end = await Assert.ThrowsAsync<RpcException>(() => older.UntilAsync(_ => false));

        Assert.Equal(StatusCode.Aborted, end.StatusCode);
    }

    [Fact]
    public async Task A_node_cannot_register_as_another()
    {
        await using var group = await ServerGroup.StartAsync(1);
        using var agent = await FakeAgent.RegisterAsync(group.Channel(Role.Agent, "n1"), "n2");
        var refusal = await Assert.ThrowsAsync<RpcException>(() => agent.UntilAsync(_ => false));
        Assert.Equal(StatusCode.PermissionDenied, refusal.StatusCode);
        Assert.Empty(group.Servers[0].Store.State.Nodes);
    }

    [Fact]
    public async Task A_report_on_another_nodes_replica_costs_nobody_elses_reports()
    {
        await using var registry = await FakeRegistry.StartAsync();
        await using var group = await ServerGroup.StartAsync(1);
        var api = new ApiClient(group.Channel(Role.Admin));
        using var agent = await FakeAgent.RegisterAsync(group.Channel(Role.Agent, "n1"), "n1");
        await api.ApplyStackAsync(new() { Spec = Specs.Stack("shop", Specs.Service("web", 2, registry.Image)) }, cancellationToken: ServerGroup.Deadline);
        await agent.UntilAsync(_ => agent.Assigned.Count == 2);
        using var liar = await FakeAgent.RegisterAsync(group.Channel(Role.Agent, "n2"), "n2");
        await liar.UntilAsync(m => m.Assignments is { Whole: true });
        await api.ScaleServiceAsync(new() { Service = "web", Replicas = 3 }, cancellationToken: ServerGroup.Deadline);
        await liar.UntilAsync(_ => liar.Assigned.Count == 1);

        // All in one message, so in one batch.
        await liar.ReportAsync(ReplicaState.Running, [agent.Assigned.Keys.First(), .. liar.Assigned.Keys]);
        await RunningAsync(api, 1);

        Assert.All(agent.Assigned.Keys, id => Assert.Equal(ReplicaState.Assigned, group.Servers[0].Store.State.Replicas[id].State()));
    }

    [Fact]
    public async Task A_running_replica_that_its_machine_no_longer_holds_has_failed()
    {
        await using var registry = await FakeRegistry.StartAsync();
        await using var group = await ServerGroup.StartAsync(1);
        var api = new ApiClient(group.Channel(Role.Admin));
        await api.ApplyStackAsync(new() { Spec = Specs.Stack("shop", Specs.Service("web", 1, registry.Image)) }, cancellationToken: ServerGroup.Deadline);
        string lost;
        using (var before = await FakeAgent.RegisterAsync(group.Channel(Role.Agent, "n1"), "n1"))
        {
            await before.UntilAsync(_ => before.Assigned.Count == 1);
            lost = before.Assigned.Keys.Single();
            await before.ReportAsync(ReplicaState.Running, lost);
            await RunningAsync(api, 1);
        }

        using var after = await FakeAgent.RegisterAsync(group.Channel(Role.Agent, "n1"), "n1");
        await after.UntilAsync(_ => after.Assigned.Keys.Any(id => id != lost));

        Assert.Equal(ReplicaState.Failed, group.Servers[0].Store.State.Replicas[lost].State());
    }

    [Fact]
    public async Task Logs_of_all_replicas_come_merged_by_time()
    {
        await using var registry = await FakeRegistry.StartAsync();
        await using var group = await ServerGroup.StartAsync(1);
        var api = new ApiClient(group.Channel(Role.Admin));
        using var agent = await FakeAgent.RegisterAsync(group.Channel(Role.Agent, "n1"), "n1");
        await api.ApplyStackAsync(new() { Spec = Specs.Stack("shop", Specs.Service("web", 2, registry.Image)) }, cancellationToken: ServerGroup.Deadline);
        await agent.UntilAsync(_ => agent.Assigned.Count == 2);
        await agent.ReportAsync(ReplicaState.Running, agent.Assigned.Keys);
        await RunningAsync(api, 2);

        using var logs = api.Logs(new() { Service = "web", Tail = -1 }, cancellationToken: ServerGroup.Deadline);
        for (var i = 0; i < 2; i++)
        {
            await agent.UntilAsync(m => m.OpenStream is not null);
            await SendLogsAsync(agent, agent.Last.OpenStream.StreamId, i + 1);
        }
        var lines = new List<string>();
        await foreach (var line in logs.ResponseStream.ReadAllAsync(ServerGroup.Deadline))
            lines.Add(line.Text.ToStringUtf8());

        Assert.Equal(["1", "2", "11", "12", "21", "22"], lines);
    }

    [Fact]
    public async Task Who_follows_logs_gets_them_on_when_the_agent_is_back()
    {
        await using var registry = await FakeRegistry.StartAsync();
        await using var group = await ServerGroup.StartAsync(1);
        var api = new ApiClient(group.Channel(Role.Admin));
        using var agent = await FakeAgent.RegisterAsync(group.Channel(Role.Agent, "n1"), "n1");
        await api.ApplyStackAsync(new() { Spec = Specs.Stack("shop", Specs.Service("web", 1, registry.Image)) }, cancellationToken: ServerGroup.Deadline);
        await agent.UntilAsync(_ => agent.Assigned.Count == 1);
        await agent.ReportAsync(ReplicaState.Running, agent.Assigned.Keys);
        await RunningAsync(api, 1);

        using var logs = api.Logs(new() { Service = "web", Tail = -1, Follow = true }, cancellationToken: ServerGroup.Deadline);
        await agent.UntilAsync(m => m.OpenStream is not null);
        using (var broken = agent.Attach())
        {
            await broken.RequestStream.WriteAsync(new StreamChunk { Open = agent.Last.OpenStream.StreamId }, ServerGroup.Deadline);
            await broken.RequestStream.WriteAsync(new StreamChunk { Log = new() { TimeNs = 7, Text = ByteString.CopyFromUtf8("7") } }, ServerGroup.Deadline);
            Assert.True(await logs.ResponseStream.MoveNext(ServerGroup.Deadline));
        }
        var lines = new List<string> { logs.ResponseStream.Current.Text.ToStringUtf8() };
        await agent.UntilAsync(m => m.OpenStream is not null);
        await SendLogsAsync(agent, agent.Last.OpenStream.StreamId, 7);
        while (lines.Count < 3 && await logs.ResponseStream.MoveNext(ServerGroup.Deadline))
            lines.Add(logs.ResponseStream.Current.Text.ToStringUtf8());

        Assert.Equal(["7", "17", "27"], lines);
    }

    [Fact]
    public async Task A_command_runs_through_the_leader_to_the_agent_and_back()
    {
        await using var registry = await FakeRegistry.StartAsync();
        await using var group = await ServerGroup.StartAsync(1);
        var api = new ApiClient(group.Channel(Role.Admin));
        using var agent = await FakeAgent.RegisterAsync(group.Channel(Role.Agent, "n1"), "n1");
        await api.ApplyStackAsync(new() { Spec = Specs.Stack("shop", Specs.Service("web", 1, registry.Image)) }, cancellationToken: ServerGroup.Deadline);
        await agent.UntilAsync(_ => agent.Assigned.Count == 1);
        await agent.ReportAsync(ReplicaState.Running, agent.Assigned.Keys);
        await RunningAsync(api, 1);

        using var exec = api.Exec(cancellationToken: ServerGroup.Deadline);
        await exec.RequestStream.WriteAsync(new ExecInput { Start = new() { Replica = "web.1", Command = { "cat" } } }, ServerGroup.Deadline);
        await exec.RequestStream.WriteAsync(new ExecInput { Stdin = ByteString.CopyFromUtf8("hello") }, ServerGroup.Deadline);
        await agent.UntilAsync(m => m.OpenStream?.Exec is not null);
        await EchoAsync(agent, agent.Last.OpenStream.StreamId);
        var output = new List<ExecOutput>();
        await foreach (var part in exec.ResponseStream.ReadAllAsync(ServerGroup.Deadline))
            output.Add(part);

        Assert.Equal("hello", output[0].Stdout.ToStringUtf8());
        Assert.Equal(7, output[1].ExitCode);
    }

    private static async Task SendLogsAsync(FakeAgent agent, string streamId, int first)
    {
        using var stream = agent.Attach();
        await stream.RequestStream.WriteAsync(new StreamChunk { Open = streamId });
        foreach (var time in new[] { first, first + 10, first + 20 })
            await stream.RequestStream.WriteAsync(new StreamChunk { Log = new() { TimeNs = time, Text = ByteString.CopyFrom($"{time}", Encoding.UTF8) } });
        await stream.RequestStream.WriteAsync(new StreamChunk { End = true });
        await stream.RequestStream.CompleteAsync();
        Assert.False(await stream.ResponseStream.MoveNext(ServerGroup.Deadline));
    }

    private static async Task EchoAsync(FakeAgent agent, string streamId)
    {
        using var stream = agent.Attach();
        await stream.RequestStream.WriteAsync(new StreamChunk { Open = streamId });
        Assert.True(await stream.ResponseStream.MoveNext(ServerGroup.Deadline));
        await stream.RequestStream.WriteAsync(new StreamChunk { Output = new() { Stdout = stream.ResponseStream.Current.Input.Stdin } });
        await stream.RequestStream.WriteAsync(new StreamChunk { Output = new() { ExitCode = 7 } });
        await stream.RequestStream.CompleteAsync();
        Assert.False(await stream.ResponseStream.MoveNext(ServerGroup.Deadline));
    }

    private static async Task RunningAsync(ApiClient api, int count)
    {
        using var watch = api.WatchStack(new() { Stack = "shop" }, cancellationToken: ServerGroup.Deadline);
        while (await watch.ResponseStream.MoveNext(ServerGroup.Deadline) && watch.ResponseStream.Current.Services.Sum(s => s.Running) != count)
        {
        }
    }

    // One beat alone would be too old again before a busy machine has looked.
    private static async Task BeatAsync(FakeAgent agent, CancellationToken back)
    {
        while (!back.IsCancellationRequested)
        {
            await agent.HeartbeatAsync();
            await agent.UntilAsync(m => m.HeartbeatAck is not null);
            await Task.Delay(50, back).ContinueWith(_ => { }, TaskScheduler.Default);
        }
    }

    private static async Task StatusAsync(ApiClient api, NodeStatus status)
    {
        while ((await api.ListNodesAsync(new(), cancellationToken: ServerGroup.Deadline)).Nodes.SingleOrDefault()?.Status != status)
            await Task.Delay(10, ServerGroup.Deadline);
    }
}
