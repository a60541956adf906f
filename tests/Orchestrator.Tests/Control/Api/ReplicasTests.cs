using Orchestrator.Control.Api;
using Orchestrator.Model;
using Orchestrator.Tests.Model;
using Xunit;
using FakeCluster = Orchestrator.Tests.Model.FakeCluster;

namespace Orchestrator.Tests.Control.Api;

public sealed class ReplicasTests
{
    [Fact]
    public void A_slot_is_listed_by_its_last_replica_also_when_that_has_ended()
    {
        var cluster = new FakeCluster();
        cluster.AddNode("a");
        cluster.Do(Specs.Put(Specs.Stack("shop", Specs.Service("web"), Specs.Service("job").With(s => s.Restart = new() { Condition = RestartCondition.None }))));
        cluster.Settle();
        foreach (var replica in cluster.State.Replicas.Values.ToList())
            cluster.End(replica, 3);
        cluster.Settle();

        var listed = Replicas.List(cluster.State, new() { Stack = "shop" }).Replicas;

        Assert.Equal([("job", ReplicaState.Failed), ("web", ReplicaState.Running)], listed.Select(r => (r.Service, r.State())).Order());
        Assert.Equal(3, Replicas.List(cluster.State, new() { All = true }).Replicas.Count);
    }

    [Fact]
    public void Why_takes_the_names_that_people_use()
    {
        var cluster = new FakeCluster();
        cluster.AddNode("a");
        cluster.AddNode("b");
        cluster.Do(Specs.Put(Specs.Stack("shop", Specs.Service("web", 2))));
        cluster.Settle();

        var answer = Replicas.Why(cluster.State, "web.2");

        Assert.Equal(2, answer.Replica.Slot);
        Assert.Equal(answer.Replica.NodeId, answer.Nodes[0].NodeId);
    }
}
