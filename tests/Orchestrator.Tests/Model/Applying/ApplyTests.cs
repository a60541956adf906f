using Google.Protobuf.Reflection;
using Orchestrator.Model;
using Xunit;

namespace Orchestrator.Tests.Model.Applying;

public sealed class ApplyTests
{
    private static Change Node(string id, string request = "", ulong term = 0) =>
        new() { RequestId = request, Term = term, Operations = { new Operation { PutNode = new() { Id = id, Hostname = id } } } };

    [Fact]
    public void A_repeated_request_gets_the_first_answer_and_changes_nothing()
    {
        var (state, first) = ClusterState.Empty.Apply(Node("a", "r1"), 1, 1);
        var (again, second) = ClusterState.FromSnapshot(state.ToSnapshot()).Apply(Node("b", "r1"), 2, 1);
        Assert.Equal(first, second);
        Assert.Equal(["a"], again.Nodes.Keys);
        Assert.Equal(2ul, again.Revision);
    }

    [Fact]
    public void A_refusal_is_remembered_too()
    {
        var (state, first) = ClusterState.Empty.Apply(Node("", "r1"), 1, 1);
        Assert.Equal(first, state.Apply(Node("a", "r1"), 2, 1).Result);
    }

    [Fact]
    public void The_oldest_answer_is_forgotten_first()
    {
        var state = ClusterState.Empty;
        var revision = 0ul;
        for (var i = 0; i <= ClusterState.AnswersMax; i++)
            state = state.Apply(new Change { RequestId = $"r{i}" }, ++revision, 1).State;
        Assert.Equal(ClusterState.AnswersMax, state.ToSnapshot().Answered.Count);
        Assert.Equal(2ul, state.Apply(new Change { RequestId = "r1" }, ++revision, 1).Result.Revision);
        Assert.Equal(revision + 1, state.Apply(new Change { RequestId = "r0" }, revision + 1, 1).Result.Revision);
    }

    [Fact]
    public void Work_of_an_old_leader_is_refused()
    {
        var (state, _) = ClusterState.Empty.Apply(Node("a", term: 3), 1, 3);
        Assert.Equal(RefusalKind.StaleTerm, state.Apply(Node("b", term: 2), 2, 3).Result.Refusal.Kind);
        Assert.Equal(RefusalKind.StaleTerm, state.Apply(Node("b", term: 3), 2, 4).Result.Refusal.Kind);
        Assert.Null(state.Apply(Node("b", term: 3), 2, 3).Result.Refusal);
        Assert.Null(state.Apply(Node("b"), 2, 4).Result.Refusal);
    }

    [Fact]
    public void Reports_only_advance_a_replica()
    {
        var cluster = new FakeCluster();
        cluster.AddNode("a");
        cluster.Do(Specs.Put(Specs.Stack("shop", Specs.Service("web"))));
        cluster.Settle();
        var id = cluster.State.Replicas.Keys.Single();
        Report(new() { State = ReplicaState.Starting, Message = "late" });
        Report(new() { State = (ReplicaState)385 });
        Report(null);
        Assert.Equal(ReplicaState.Running, cluster.State.Replicas[id].State());
        Report(new() { State = ReplicaState.Running, Health = Health.Healthy });
        Report(new() { State = ReplicaState.Running, Health = Health.Starting, Message = "late" });
        Assert.Equal((Health.Healthy, ""), (cluster.State.Replicas[id].Observed.Health, cluster.State.Replicas[id].Observed.Message));
        Report(new() { State = ReplicaState.Running, Health = Health.Unhealthy });
        Assert.Equal(Health.Unhealthy, cluster.State.Replicas[id].Observed.Health);
        Report(new() { State = ReplicaState.Failed, ExitCode = 3 });
        Report(new() { State = ReplicaState.Shutdown });
        Assert.Equal((ReplicaState.Failed, 3), (cluster.State.Replicas[id].State(), cluster.State.Replicas[id].Observed.ExitCode));
        cluster.Do(new Operation { SetObserved = new() { ReplicaId = "reaped", NodeId = "a", Observed = new() { State = ReplicaState.Failed } } });

        void Report(Observed? observed) => cluster.Do(new Operation { SetObserved = new() { ReplicaId = id, NodeId = "a", Observed = observed } });
    }

    [Fact]
    public void Addresses_are_given_out_lowest_first_around_what_users_took()
    {
        var cluster = new FakeCluster();
        var own = Specs.Stack("own", Specs.Service("web"));
        own.Networks[0].Subnet = "10.160.0.0/16";
        cluster.Do(Specs.Put(own));
        cluster.Do(Specs.Put(Specs.Stack("shop", Specs.Service("web"), Specs.Service("db"))));
        Assert.Equal([("10.160.0.0/16", 4097u), ("10.161.0.0/16", 4098u)], cluster.State.Networks.Values.Select(n => (n.Subnet, n.Vni)));
        Assert.Equal(["10.160.0.2", "10.161.0.2", "10.161.0.3"], cluster.State.Services.Values.SelectMany(s => s.VirtualIps.Values).Order());
        cluster.Do(new Operation { RemoveStack = new() { Name = "own" } });
        cluster.Settle();
        cluster.Do(Specs.Put(Specs.Stack("new", Specs.Service("web"))));
        Assert.Equal(("10.160.0.0/16", 4097u), (cluster.State.Networks["new_default"].Subnet, cluster.State.Networks["new_default"].Vni));
    }

    [Fact]
    public void Virtual_ips_stay_within_the_first_16_blocks()
    {
        Assert.True(Orchestrator.Model.Allocating.Subnet.TryParse("10.7.0.0/16", out var subnet));
        Assert.Equal(("10.7.0.2", "10.7.15.254", 4093), (subnet.VirtualIps().First(), subnet.VirtualIps().Last(), subnet.VirtualIps().Count()));
    }

    [Fact]
    public void Only_what_the_container_sees_changes_the_spec_revision()
    {
        Keeps(s => s.Replicas = 9);
        Keeps(s => s.Labels["a"] = "b");
        Keeps(s => s.Ports.Add(new PortSpec { Target = 80, Published = 80 }));
        Keeps(s => s.Restart = new() { DelayMs = 7 });
        Keeps(s => s.Constraints.Add("node.hostname==a"));
        Keeps(s => s.Networks.Add(new NetworkAttachment { Network = "default", Aliases = { "www" } }));
        Replaces(s => s.Container.Image = "other");
        Replaces(s => s.Container.Environment["A"] = "1");
        Replaces(s => s.Reserve(1, 1));
        Replaces(s => s.Ports.Add(new PortSpec { Target = 80, Published = 80, Mode = PortMode.Host }));
    }

    /// <summary>A field that Copy forgets would be lost at the next change of the replica.</summary>
    [Fact]
    public void A_copied_replica_has_every_field()
    {
        var replica = new Replica { Observed = new() { State = ReplicaState.Running }, Spec = Specs.Service("web") };
        foreach (var field in Replica.Descriptor.Fields.InDeclarationOrder().Where(f => f.FieldType != FieldType.Message))
            field.Accessor.SetValue(replica, field.FieldType switch
            {
                FieldType.String => "text",
                FieldType.UInt64 => 7ul,
                FieldType.Int64 => 7L,
                FieldType.Int32 => 7,
                _ => DesiredState.DesiredShutdown,
            });
        Assert.Equal(replica, replica.Copy());
        Assert.Equal(Replica.Descriptor.Fields.InDeclarationOrder().Count, Replica.Descriptor.Fields.InDeclarationOrder()
            .Count(f => !Equals(f.Accessor.GetValue(replica), f.Accessor.GetValue(new Replica()))));
    }

    [Fact]
    public void Bytes_do_not_depend_on_the_order_in_which_labels_were_set()
    {
        Assert.Equal(Labelled("x", "y").ToBytes(), Labelled("y", "x").ToBytes());

        static ClusterState Labelled(string first, string second)
        {
            var state = ClusterState.Empty.Apply(Node("a"), 1, 1).State;
            foreach (var (revision, label) in new[] { (2ul, first), (3ul, second), (4ul, "z") })
                state = state.Apply(new Change { Operations = { new Operation { UpdateNode = new() { NodeId = "a", SetLabels = { [label] = "1" } } } } }, revision, 1).State;
            return state;
        }
    }

    private static void Keeps(Action<ServiceSpec> change) => Assert.Equal(1ul, SpecRevisionAfter(change));

    private static void Replaces(Action<ServiceSpec> change) => Assert.Equal(2ul, SpecRevisionAfter(change));

    private static ulong SpecRevisionAfter(Action<ServiceSpec> change)
    {
        var cluster = new FakeCluster();
        cluster.Do(Specs.Put(Specs.Stack("shop", Specs.Service("web"))));
        cluster.Do(Specs.Put(Specs.Stack("shop", Specs.Service("web").With(change))));
        return cluster.State.Services["shop/web"].SpecRevision;
    }
}
