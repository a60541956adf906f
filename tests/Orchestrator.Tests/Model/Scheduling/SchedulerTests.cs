using CsCheck;
using Orchestrator.Model;
using Orchestrator.Model.Scheduling;
using Xunit;

namespace Orchestrator.Tests.Model.Scheduling;

public sealed class SchedulerTests
{
    [Fact]
    public void Identical_nodes_differ_by_at_most_one_replica() =>
        Gen.Select(Gen.Int[1, 12], Gen.Int[0, 60], Gen.Int[0, 60], Gen.ULong).Sample((nodes, first, second, seed) =>
        {
            var cluster = new FakeCluster(seed);
            for (var i = 0; i < nodes; i++)
                cluster.AddNode($"node{i}");
            cluster.Do(Specs.Put(Specs.Stack("shop", Specs.Service("web", first))));
            cluster.Reconcile();
            cluster.Do(Specs.Put(Specs.Stack("shop", Specs.Service("web", first + second), Specs.Service("db", second))));
            cluster.Reconcile();
            foreach (var service in cluster.State.Services.Keys)
            {
                var counts = cluster.State.Nodes.Keys.Select(n => cluster.State.ReplicasOf(service).All.Count(r => r.NodeId == n)).ToList();
                Assert.InRange(counts.Max() - counts.Min(), 0, 1);
            }
        }, iter: 100);

    [Fact]
    public void A_node_is_filled_but_never_beyond_what_it_has() =>
        Gen.Select(Gen.Select(Gen.Int[0, 8], Gen.Int[0, 64]).Array[1, 8], Gen.Int[0, 40], Gen.Int[0, 4], Gen.Int[0, 8]).Sample((nodes, replicas, cpus, memory) =>
        {
            var cluster = new FakeCluster();
            foreach (var (i, (nodeCpus, nodeMemory)) in nodes.Index())
                cluster.AddNode($"node{i}", nodeCpus, nodeMemory);
            cluster.Do(Specs.Put(Specs.Stack("shop", Specs.Service("web", replicas).Reserve(cpus, memory))));
            cluster.Reconcile();
            var room = nodes.Sum(n => Math.Min(cpus == 0 ? replicas : n.Item1 / cpus, memory == 0 ? replicas : n.Item2 / memory));
            Assert.Equal(Math.Min(replicas, room), cluster.State.Replicas.Values.Count(r => r.IsPlaced()));
            Assert.All(cluster.State.Nodes.Values, n => Assert.True(cluster.State.ReplicasOn(n.Id).ReservedNanoCpus <= n.Description.NanoCpus
                && cluster.State.ReplicasOn(n.Id).ReservedMemoryBytes <= n.Description.MemoryBytes));
        }, iter: 200);

    [Fact]
    public void The_node_with_more_free_resources_comes_first()
    {
        var cluster = new FakeCluster();
        cluster.AddNode("small", cpus: 2, memoryMiB: 2048);
        cluster.AddNode("large", cpus: 16, memoryMiB: 65536);
        cluster.Do(Specs.Put(Specs.Stack("a", Specs.Service("x", 2).Reserve(0.5, 512))));
        cluster.Reconcile();
        cluster.Do(Specs.Put(Specs.Stack("b", Specs.Service("y"))));
        cluster.Reconcile();
        Assert.Equal("large", Assert.Single(cluster.State.ReplicasOf("b/y").All).NodeId);
    }

    [Fact]
    public void Two_replicas_with_the_same_host_port_do_not_share_a_node()
    {
        var cluster = new FakeCluster();
        cluster.AddNode("a");
        cluster.AddNode("b");
        cluster.Do(Specs.Put(Specs.Stack("shop", Specs.Service("web", 3)
            .With(s => s.Ports.Add(new PortSpec { Target = 80, Published = 8080, Mode = PortMode.Host })))));
        cluster.Reconcile();
        var replicas = cluster.State.Replicas.Values.ToList();
        Assert.Equal(["a", "b"], replicas.Where(r => r.IsPlaced()).Select(r => r.NodeId).Order());
        Assert.Equal("no node: 2 has port 8080/tcp taken", replicas.Single(r => !r.IsPlaced()).Message);
    }

    [Fact]
    public void A_replica_with_a_named_volume_comes_back_to_its_data() =>
        Gen.Select(Gen.ULong, Gen.Int[1, 3]).Sample((seed, replicas) =>
        {
            var cluster = new FakeCluster(seed);
            foreach (var node in new[] { "a", "b", "c", "d" })
                cluster.AddNode(node);
            cluster.Do(Specs.Put(Specs.Stack("shop", Specs.Service("db", replicas).With(s => s.Container.Mounts.Add(new MountSpec { Source = "data", Target = "/data" })))
                .With(s => s.Volumes.Add(new VolumeSpec { Name = "data" }))));
            cluster.Settle();
            var homes = cluster.State.ReplicasOf("shop/db").All.ToDictionary(r => r.Slot, r => r.NodeId);
            cluster.Do(Specs.Put(Specs.Stack("load", Specs.Service("x", 9).Reserve(0.3, 100))));
            cluster.Settle();
            foreach (var replica in cluster.State.ReplicasOf("shop/db").All.ToList())
                cluster.End(replica, 1);
            cluster.Settle();
            foreach (var live in cluster.State.ReplicasOf("shop/db").All.Where(r => r.IsLive()))
                Assert.Equal(homes[live.Slot], live.NodeId);
            cluster.Drain(homes[1]);
            cluster.Settle();
            Assert.NotEqual(homes[1], cluster.State.ReplicasOf("shop/db").All.Single(r => r.IsLive() && r.Slot == 1).NodeId);
        }, iter: 20);

    [Fact]
    public void Every_filter_explains_itself()
    {
        Explains("no node: the cluster has none yet", null, _ => { });
        Explains("no node: 1 not ready", Node(n => n.Status = NodeStatus.NodeDown), _ => { });
        Explains("no node: 1 drained", Node(n => n.Availability = Availability.Drain), _ => { });
        Explains("no node: 1 not linux/arm64", Node(), s => s.Platform = "linux/arm64");
        Explains("no node: 1 not node.labels.disk==ssd", Node(), s => s.Constraints.Add("node.labels.disk==ssd"));
        Explains("no node: 1 lacks 8 cpus", Node(), s => s.Reserve(8, 0));
        Explains("no node: 1 lacks 512 MiB", Node(n => n.Description.MemoryBytes = 1 << 20), s => s.Reserve(0, 512));
    }

    [Theory]
    [InlineData("node.hostname==alpha", true)]
    [InlineData("node.hostname == ALPHA", true)]
    [InlineData("node.hostname!=alpha", false)]
    [InlineData("node.id==n1", true)]
    [InlineData("node.role==worker", true)]
    [InlineData("node.role==agent", true)]
    [InlineData("node.role==manager", false)]
    [InlineData("node.labels.disk==ssd", true)]
    [InlineData("node.labels.disk!=ssd", false)]
    [InlineData("node.labels.zone==a", false)]
    [InlineData("node.labels.zone!=a", true)]
    [InlineData("node.platform.os==linux", true)]
    [InlineData("node.platform.arch==x86_64", true)]
    [InlineData("node.ip==10.0.0.7", true)]
    [InlineData("node.ip==10.0.0.0/24", true)]
    [InlineData("node.ip!=10.0.0.0/24", false)]
    [InlineData("node.ip==10.0.1.0/24", false)]
    [InlineData("node.ip==0.0.0.0/0", true)]
    [InlineData("node.ip in 10.0.0.0/30, 10.0.0.4/30", true)]
    [InlineData("node.labels.disk in hdd,SSD", true)]
    [InlineData("node.labels.disk in (hdd, nvme)", false)]
    [InlineData("node.labels.disk not-in hdd,nvme", true)]
    [InlineData("node.labels.disk not-in ssd", false)]
    [InlineData("node.labels.zone not-in a", true)]
    [InlineData("node.labels.zone in a", false)]
    [InlineData("node.labels.cores > 8", true)]
    [InlineData("node.labels.cores>16", false)]
    [InlineData("node.labels.cores < 16.5", true)]
    [InlineData("node.labels.zone < 5", false)]
    [InlineData("node.labels.disk > 5", false)]
    [InlineData("node.hostname =~ ^AL.*a$", true)]
    [InlineData("node.hostname=~bet", false)]
    [InlineData("node.role in manager, worker", true)]
    public void Constraints_compare(string text, bool allowed)
    {
        var node = new Node { Id = "n1", Hostname = "alpha", Labels = { ["disk"] = "ssd", ["cores"] = "16" }, Description = Specs.Node(1, 1).With(d => d.Address = "10.0.0.7") };
        Assert.Equal(allowed, Constraint.Parse(text)!.Allows(node, null));
    }

    [Theory]
    [InlineData("node.hostname")]
    [InlineData("node.hostname=a")]
    [InlineData("node.hostname==")]
    [InlineData("node.labels.==a")]
    [InlineData("engine.labels.x==a")]
    [InlineData("node.labels.x in")]
    [InlineData("node.labels.x in a,,b")]
    [InlineData("node.labels.x india")]
    [InlineData("node.labels.x > many")]
    [InlineData("node.labels.x >= 3")]
    [InlineData("node.labels.x =~ (")]
    [InlineData("node.labels.x =~ (a)\\1")]
    [InlineData("node.labels.x =~ a{1000}")]
    [InlineData("node.ip == 10.0.0.0/33")]
    [InlineData("node.ip == 10.0.0/24")]
    [InlineData("==a")]
    [InlineData("")]
    public void What_is_no_constraint_is_not_taken_for_one(string text) => Assert.Null(Constraint.Parse(text));

    private static Node Node(Action<Node>? change = null)
    {
        var node = new Node { Id = "n1", Hostname = "n1", Status = NodeStatus.NodeReady, Description = Specs.Node(4, 4096) };
        change?.Invoke(node);
        return node;
    }

    private static void Explains(string expected, Node? node, Action<ServiceSpec> change)
    {
        var snapshot = new StateSnapshot();
        if (node is not null)
            snapshot.Nodes.Add(node);
        var (placed, reason) = new Scheduler(ClusterState.FromSnapshot(snapshot)).Place("shop/web", Specs.Service("web").With(change), 1);
        Assert.Empty(placed);
        Assert.Equal(expected, reason);
    }
}
