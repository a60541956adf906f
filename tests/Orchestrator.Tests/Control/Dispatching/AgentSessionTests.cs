using Grpc.Core;
using Orchestrator.Control.Dispatching;
using Orchestrator.Model;
using Orchestrator.Tests.Model;
using Xunit;

namespace Orchestrator.Tests.Control.Dispatching;

public sealed class AgentSessionTests
{
    [Fact]
    public async Task A_view_older_than_the_first_takes_nothing_back()
    {
        var older = ClusterView.Of(ClusterState.Empty);
        var first = ClusterView.Of(Apply(older.State, Put("a")));
        var newer = ClusterView.Of(Apply(first.State, Put("b")));
        using var session = new AgentSession("a");
        var sent = new Recorder();
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);

        session.Show(older);
        var running = Task.WhenAll(session.AssignAsync(first, stop.Token), session.WriteAsync(sent, stop.Token));
        while (sent.Messages.Count < 1)
            await Task.Yield();
        session.Show(newer);
        while (sent.Messages.Count < 2)
            await Task.Yield();
        await stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => running);

        Assert.Equal([first.State.Revision, newer.State.Revision], sent.Messages.Select(m => m.Assignments.Revision));
    }

    [Fact]
    public async Task A_session_ends_when_its_node_is_removed()
    {
        var first = ClusterView.Of(Apply(ClusterState.Empty, Put("a")));
        using var session = new AgentSession("a");
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);

        session.Show(ClusterView.Of(Apply(first.State, new Operation { RemoveNode = new() { NodeId = "a" } }), first));
        var end = await Assert.ThrowsAsync<RpcException>(() => session.AssignAsync(first, stop.Token));

        Assert.Equal((StatusCode.Aborted, "node a was removed"), (end.StatusCode, end.Status.Detail));
    }

    private static Operation Put(string id) => new() { PutNode = new() { Id = id, Hostname = id, Description = Specs.Node(1, 1024) } };

    private static ClusterState Apply(ClusterState state, Operation operation) =>
        state.Apply(new Change { NowMs = 1, Operations = { operation } }, state.Revision + 1, 1).State;

    private sealed class Recorder : IServerStreamWriter<ServerMessage>
    {
        public List<ServerMessage> Messages { get; } = [];

        public WriteOptions? WriteOptions { get; set; }

        public Task WriteAsync(ServerMessage message)
        {
            Messages.Add(message);
            return Task.CompletedTask;
        }

        public Task WriteAsync(ServerMessage message, CancellationToken cancellationToken) => WriteAsync(message);
    }
}
