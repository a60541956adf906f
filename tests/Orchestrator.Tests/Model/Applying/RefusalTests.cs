using Orchestrator.Model;
using Xunit;

namespace Orchestrator.Tests.Model.Applying;

/// <summary>Each refusal names the object, the field and what would be accepted, and leaves everything as it was.</summary>
public sealed class RefusalTests
{
    private readonly FakeCluster _cluster = new();

    public RefusalTests()
    {
        _cluster.AddNode("a");
        _cluster.Do(Specs.Put(Specs.Stack("shop", Specs.Service("web", 2).With(s => s.Ports.Add(new PortSpec { Target = 80, Published = 8080 })))));
        _cluster.Settle();
    }

    private Replica First => _cluster.State.Replicas.Values.First();

    [Fact]
    public void Stacks_and_services()
    {
        Refused(RefusalKind.Invalid, "stack: spec is missing", new Operation { PutStack = new() });
        Refused(RefusalKind.Conflict, "stack shop: it is at revision 2, not 77", new Operation { PutStack = new() { Spec = Specs.Stack("shop"), ExpectedRevision = 77 } });
        Refused(RefusalKind.Conflict, "service b of stack other: port 8080/tcp is already published by service web of stack shop",
            Specs.Put(Specs.Stack("other", Specs.Service("b").With(s => s.Ports.Add(new PortSpec { Target = 1, Published = 8080, Mode = PortMode.Host })))));
        Refused(RefusalKind.NotFound, "stack other: there is no such stack", new Operation { RemoveStack = new() { Name = "other" } });
        Refused(RefusalKind.NotFound, "service shop/db: there is no such service", Specs.Scale("shop/db", 1));
        Refused(RefusalKind.Invalid, "service shop/web: replicas is -1; it must be 0 to 10000", Specs.Scale("shop/web", -1));
        Refused(RefusalKind.NotFound, "service shop/db", new Operation { RemoveService = new() { ServiceId = "shop/db" } });
        Refused(RefusalKind.Conflict, "service shop/web: it is not being removed", new Operation { ReapService = new() { ServiceId = "shop/web" } });
    }

    [Fact]
    public void Networks()
    {
        var known = _cluster.State.Networks["shop_default"];
        Refused(RefusalKind.Conflict, $"network shop_default: subnet is {known.Subnet} and cannot become 10.9.0.0/16", Specs.Put(WithSubnet("shop", "10.9.0.0/16")));
        Refused(RefusalKind.Conflict, $"network other_default: subnet {known.Subnet} is that of network shop_default", Specs.Put(WithSubnet("other", known.Subnet)));
        _cluster.Do(Specs.Put(Specs.Stack("x_y")));
        Refused(RefusalKind.Conflict, "its id x_y_default is that of network default of stack x_y",
            Specs.Put(new StackSpec { Name = "x", Networks = { new NetworkSpec { Name = "y_default" } } }));
    }

    [Fact]
    public void Nodes()
    {
        Refused(RefusalKind.Invalid, "node: id is empty", new Operation { PutNode = new() });
        Refused(RefusalKind.NotFound, "node b: there is no such node", new Operation { SetNodeStatus = new() { NodeId = "b" } });
        Refused(RefusalKind.NotFound, "node b", new Operation { UpdateNode = new() { NodeId = "b" } });
        Refused(RefusalKind.Invalid, "node a: a label's name is empty", new Operation { UpdateNode = new() { NodeId = "a", SetLabels = { [""] = "x" } } });
        Refused(RefusalKind.Invalid, "node a: status 9 is unknown", new Operation { SetNodeStatus = new() { NodeId = "a", Status = (NodeStatus)9 } });
        Refused(RefusalKind.Invalid, "node a: availability 9 is unknown", new Operation { UpdateNode = new() { NodeId = "a", Availability = (Availability)9 } });
        Refused(RefusalKind.Conflict, "node a: it still holds 2 replicas; drain it", new Operation { RemoveNode = new() { NodeId = "a" } });
    }

    [Fact]
    public void Node_blocks_run_out_at_240()
    {
        for (var i = 1; i < 240; i++)
            _cluster.AddNode($"n{i}");
        Refused(RefusalKind.Exhausted, "node late: all 240 node blocks are taken", new Operation { PutNode = new() { Id = "late", Hostname = "late" } });
        Assert.Equal(Enumerable.Range(16, 240), _cluster.State.Nodes.Values.Select(n => n.Block).Order());
    }

    [Fact]
    public void Replicas()
    {
        var replica = First;
        var web = _cluster.State.Services["shop/web"];
        Refused(RefusalKind.Conflict, $"replica '{replica.Id}': the id is empty or taken", New(r => r.Id = replica.Id));
        Refused(RefusalKind.NotFound, "replica x: there is no service shop/db", New(r => r.ServiceId = "shop/db"));
        Refused(RefusalKind.Invalid, "replica x: slot is 0; slots count from 1", New(r => r.Slot = 0));
        Refused(RefusalKind.Conflict, $"replica x: spec revision 1 is not the service's ({web.SpecRevision})", New(r => r.SpecRevision = 1));
        Refused(RefusalKind.NotFound, "replica x: there is no node b", New(r => r.NodeId = "b"));
        Refused(RefusalKind.Conflict, $"replica {replica.Id}: it is placed or ended already", new Operation { AssignReplica = new() { ReplicaId = replica.Id, NodeId = "a" } });
        Refused(RefusalKind.NotFound, "replica x: there is no such replica", new Operation { SetDesired = new() { ReplicaId = "x" } });
        Refused(RefusalKind.Conflict, $"it is on node 'a', so node 'b' cannot report on it",
            new Operation { SetObserved = new() { ReplicaId = replica.Id, NodeId = "b", Observed = new() { State = ReplicaState.Failed } } });
        Refused(RefusalKind.Conflict, $"replica {replica.Id}: it is Running; only a replica that ended is removed", new Operation { RemoveReplica = new() { ReplicaId = replica.Id } });
        _cluster.Do(new Operation { SetDesired = new() { ReplicaId = replica.Id, Desired = DesiredState.DesiredShutdown } });
        Refused(RefusalKind.Invalid, $"replica {replica.Id}: desired state went to shutdown and never goes back",
            new Operation { SetDesired = new() { ReplicaId = replica.Id, Desired = DesiredState.DesiredRunning } });
    }

    [Fact]
    public void Servers_and_the_unknown()
    {
        Refused(RefusalKind.NotFound, "server: there is no cluster yet", new Operation { PutServer = new() { Server = new() { Id = "s1" } } });
        Refused(RefusalKind.Invalid, "cluster: id is empty", new Operation { PutCluster = new() });
        _cluster.Do(new Operation { PutCluster = new() { Id = "c1" } });
        Refused(RefusalKind.Conflict, "cluster: id is c1 and cannot become c2", new Operation { PutCluster = new() { Id = "c2" } });
        Refused(RefusalKind.Invalid, "server: id is empty", new Operation { PutServer = new() });
        Refused(RefusalKind.NotFound, "server s9: not a member", new Operation { RemoveServer = new() { Id = "s9" } });
        Refused(RefusalKind.Invalid, "a kind that this server does not know", new Operation());
    }

    [Fact]
    public void One_refused_operation_refuses_the_whole_change()
    {
        var before = _cluster.State;
        var result = _cluster.Propose(Specs.Scale("shop/web", 7), Specs.Scale("shop/db", 7));
        Assert.NotNull(result.Refusal);
        Assert.Equal(2, _cluster.State.Services["shop/web"].Spec.Replicas);
        Assert.Equal(before.Revision + 1, _cluster.State.Revision);
    }

    private static StackSpec WithSubnet(string stack, string subnet)
    {
        var spec = Specs.Stack(stack, Specs.Service("web"));
        spec.Networks[0].Subnet = subnet;
        return spec;
    }

    private Operation New(Action<Replica> change)
    {
        var replica = new Replica { Id = "x", ServiceId = "shop/web", Slot = 3, SpecRevision = _cluster.State.Services["shop/web"].SpecRevision };
        change(replica);
        return new() { CreateReplica = replica };
    }

    private void Refused(RefusalKind kind, string says, Operation operation)
    {
        var (before, revision) = (_cluster.State.ToSnapshot(), _cluster.State.Revision);
        var refusal = _cluster.Propose(operation).Refusal;
        Assert.NotNull(refusal);
        Assert.Contains(says, refusal.Message, StringComparison.Ordinal);
        Assert.Equal(kind, refusal.Kind);
        before.Revision = revision + 1;
        Assert.Equal(before, _cluster.State.ToSnapshot());
    }
}
