using CsCheck;
using Orchestrator.Control.Dispatching;
using Orchestrator.Model;
using Orchestrator.Tests.Model;
using Xunit;

namespace Orchestrator.Tests.Control.Dispatching;

public sealed class NodeAssignmentsTests
{
    /// <summary>An agent that only ever got differences knows the same as one that gets everything now.</summary>
    [Fact]
    public void Whole_and_differences_add_up_to_the_whole() => Gen.Select(Gen.Int[0, 4], Gen.Int[0, 6]).Array[1, 30].Sample(steps =>
    {
        var state = TwoNodes();
        var view = ClusterView.Of(state);
        var assignments = new NodeAssignments("a");
        var agent = new AgentMemory();
        agent.Take(assignments.Whole(view));
        foreach (var (kind, value) in steps)
        {
            state = Step(state, kind, value);
            view = ClusterView.Of(state, view);
            if (assignments.Difference(view) is { } difference)
                agent.Take(difference);
        }
        var fresh = new AgentMemory();
        fresh.Take(new NodeAssignments("a").Whole(ClusterView.Of(state)));
        Assert.Equal(fresh.ToString(), agent.ToString());
    });

    [Fact]
    public void What_another_node_reports_is_no_difference()
    {
        var state = Step(TwoNodes(), 0, 3);
        var view = ClusterView.Of(state);
        var assignments = new NodeAssignments("b");
        assignments.Whole(view);

        Assert.Null(assignments.Difference(ClusterView.Of(Apply(state, Specs.Scale("unknown", 1)), view)));
    }

    [Fact]
    public void What_has_ended_is_not_run_again_by_a_machine_that_forgot_it()
    {
        var state = Step(TwoNodes(), 0, 0);
        var assignments = new NodeAssignments("a");
        assignments.Whole(ClusterView.Of(state));
        var ended = ClusterView.Of(Step(Step(state, 0, 2), 2, 1));
        Assert.Equal(ReplicaState.Failed, ended.State.Replicas.Values.Skip(1).First().State());

        Assert.Equal(DesiredState.DesiredShutdown, assignments.Difference(ended)!.Put.Single().Desired);
        Assert.Equal(
            [DesiredState.DesiredRunning, DesiredState.DesiredShutdown], new NodeAssignments("a").Whole(ended).Put.Select(a => a.Desired));
    }

    private static ClusterState TwoNodes() =>
        Apply(ClusterState.Empty, [.. new[] { "a", "b" }.Select(id => new Operation { PutNode = new() { Id = id, Hostname = id, Description = Specs.Node(4, 4096) } }),
            Specs.Put(Specs.Stack("shop", Specs.Service("web", 2)))]);

    private static ClusterState Step(ClusterState state, int kind, int value)
    {
        var service = state.Services.Values.FirstOrDefault();
        var replica = state.Replicas.Values.Skip(value).FirstOrDefault();
        return (kind, service, replica) switch
        {
            (0, not null, _) => Apply(state, new Operation { CreateReplica = new() { Id = $"r{state.Revision}", ServiceId = service.Id, Slot = value + 1, SpecRevision = service.SpecRevision, NodeId = value % 2 == 0 ? "a" : "b" } }),
            (1, _, not null) => Apply(state, new Operation { SetDesired = new() { ReplicaId = replica.Id, Desired = DesiredState.DesiredShutdown } }),
            (2, _, not null) => Apply(state, new Operation { SetObserved = new() { ReplicaId = replica.Id, NodeId = replica.NodeId, Observed = new() { State = value % 2 == 0 ? ReplicaState.Running : ReplicaState.Failed } } }),
            (3, _, not null) => Apply(state, new Operation { RemoveReplica = new() { ReplicaId = replica.Id } }),
            (4, _, _) => Apply(state, new Operation { PutNode = new() { Id = $"n{value}", Hostname = "n", Description = Specs.Node(1, value) } }),
            _ => state,
        };
    }

    private static ClusterState Apply(ClusterState state, params Operation[] operations) =>
        state.Apply(new Change { NowMs = 1, Operations = { operations } }, state.Revision + 1, 1).State;

    private sealed class AgentMemory
    {
        private readonly SortedDictionary<string, Assignment> _replicas = new(StringComparer.Ordinal);
        private readonly SortedDictionary<string, ServiceEndpoint> _endpoints = new(StringComparer.Ordinal);
        private List<Network> _networks = [];
        private List<Peer> _peers = [];

        public void Take(Assignments told)
        {
            if (told.Whole)
                (_networks, _peers) = ([], []);
            foreach (var id in told.Remove)
                Assert.True(_replicas.Remove(id));
            foreach (var put in told.Put)
                _replicas[put.ReplicaId] = put;
            foreach (var id in told.RemoveEndpoints)
                Assert.True(_endpoints.Remove(id));
            foreach (var put in told.PutEndpoints)
                _endpoints[put.ServiceId] = put;
            _networks = told.NetworksSet ? [.. told.Networks] : _networks;
            _peers = told.PeersSet ? [.. told.Peers] : _peers;
        }

        public override string ToString() => string.Join("\n", [.. _replicas.Values, .. _endpoints.Values, .. _networks, .. _peers]);
    }
}
