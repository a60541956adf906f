using CsCheck;
using Orchestrator.Model;
using Orchestrator.Model.Scheduling;
using Xunit;

namespace Orchestrator.Tests.Model.Scheduling;

/// <summary>The rules of placement, one by one and against what a look at every node would choose.</summary>
public sealed class PlacementTests
{
    private static readonly string[] s_zones = ["a", "b", "c", ""];

    [Fact]
    public void Reading_the_ranking_as_far_as_needed_chooses_as_a_look_at_every_node_does() =>
        Gen.Select(Nodes, Asked.Array[1, 6], Gen.Int[0, 3], Gen.Int[0, 9]).Sample((nodes, services, drained, more) =>
        {
            var cluster = ClusterOf(nodes);
            if (drained > 0)
                cluster.Drain(cluster.State.Nodes.Keys.ElementAt(drained % cluster.State.Nodes.Count));
            foreach (var added in new[] { 0, more })
            {
                foreach (var (i, asked) in services.Index())
                    cluster.Do(Specs.Put(Specs.Stack($"stack{i}", SpecOf($"s{i}", asked, added))));
                var before = cluster.State;
                cluster.Reconcile();
                var candidates = before.Nodes.Values.Select(n => new Candidate(before, n)).ToList();
                foreach (var service in before.Services.Values)
                {
                    var waiting = Enumerable.Range(1, service.Spec.Replicas).Where(slot => before.ReplicasOf(service.Id).Slot(slot).Newest?.IsPlaced() != true).ToList();
                    var nodesNow = waiting.Select(slot => cluster.State.ReplicasOf(service.Id).Slot(slot).Newest!.NodeId).Where(id => id.Length > 0);
                    Assert.Equal(Exhaustive(before, candidates, service, waiting.Count).Order(), nodesNow.Order());
                }
            }
        }, iter: 200);

    [Fact]
    public void Replicas_are_spread_over_zones_and_within_a_zone_over_its_nodes() =>
        Gen.Select(Gen.Int[0, 3].Array[1, 10], Gen.Int[0, 30], Gen.Int[0, 30]).Sample((zones, first, more) =>
        {
            var cluster = new FakeCluster();
            foreach (var (i, zone) in zones.Index())
                cluster.AddNode($"node{i}", labels: Labels(zone));
            foreach (var replicas in new[] { first, first + more })
            {
                cluster.Do(Specs.Put(Specs.Stack("shop", Specs.Service("web", replicas).With(s => s.Spread.Add("node.labels.zone")))));
                cluster.Settle();
                var ofNode = cluster.State.Nodes.Values.ToDictionary(n => n.Id, n => cluster.State.ReplicasOn(n.Id).Live);
                var ofZone = cluster.State.Nodes.Values.GroupBy(n => n.Labels.GetValueOrDefault("zone", "")).ToList();
                Assert.InRange(ofZone.Max(Sum) - ofZone.Min(Sum), 0, 1);
                Assert.All(ofZone, z => Assert.InRange(z.Max(n => ofNode[n.Id]) - z.Min(n => ofNode[n.Id]), 0, 1));
                int Sum(IEnumerable<Node> nodes) => nodes.Sum(n => ofNode[n.Id]);
            }
        }, iter: 60);

    [Fact]
    public void The_second_preference_counts_within_the_first()
    {
        var cluster = new FakeCluster();
        foreach (var (name, zone, rack) in new[] { ("n1", "a", "1"), ("n2", "a", "2"), ("n3", "a", "2"), ("n4", "b", "1") })
            cluster.AddNode(name, labels: [new("zone", zone), new("rack", rack)]);
        cluster.Do(Specs.Put(Specs.Stack("shop", Specs.Service("web", 8).With(s => s.Spread.AddRange(["node.labels.zone", "node.labels.rack"])))));
        cluster.Reconcile();
        Assert.Equal([2, 1, 1, 4], cluster.State.Nodes.Keys.Select(n => cluster.State.ReplicasOn(n).Live));
    }

    [Fact]
    public void No_node_has_more_replicas_than_allowed() =>
        Gen.Select(Gen.Int[1, 6], Gen.Int[0, 20], Gen.Int[1, 4]).Sample((nodes, replicas, most) =>
        {
            var cluster = ClusterOf(nodes);
            cluster.Do(Specs.Put(Specs.Stack("shop", Specs.Service("web", replicas).With(s => s.MaxReplicasPerNode = most))));
            cluster.Settle();
            Assert.All(cluster.State.Nodes.Keys, n => Assert.InRange(cluster.State.ReplicasOn(n).Live, 0, most));
            var waiting = cluster.State.Replicas.Values.Where(r => !r.IsPlaced()).ToList();
            Assert.Equal(Math.Max(0, replicas - nodes * most), waiting.Count);
            Assert.All(waiting, r => Assert.Equal($"no node: {nodes} already run web (max_replicas_per_node {most})", r.Message));
        }, iter: 60);

    [Fact]
    public void Services_that_keep_away_from_each_other_never_share_a_node() =>
        Gen.Select(Gen.Int[1, 6], Gen.Int[0, 8], Gen.Int[0, 8], Gen.Bool, Gen.Bool).Sample((nodes, webs, dbs, webFirst, alsoItself) =>
        {
            var cluster = ClusterOf(nodes);
            var web = Specs.Service("web", webs).With(s => s.AntiAffinity.Add("db"));
            var db = Specs.Service("db", dbs);
            if (alsoItself)
                db.AntiAffinity.Add("db");
            cluster.Do(Specs.Put(Specs.Stack("shop", web.Clone().With(s => s.Replicas = webFirst ? webs : 0), db.Clone().With(s => s.Replicas = webFirst ? 0 : dbs))));
            cluster.Settle();
            cluster.Do(Specs.Put(Specs.Stack("shop", web, db)));
            cluster.Settle();
            foreach (var node in cluster.State.Nodes.Keys)
            {
                var held = cluster.State.ReplicasOn(node).All.Values.Where(r => r.IsLive()).ToList();
                Assert.InRange(held.Select(r => r.Service).Distinct().Count(), 0, 1);
                Assert.True(!alsoItself || held.Count(r => r.Service == "db") <= 1);
            }
        }, iter: 60);

    [Fact]
    public void A_service_is_placed_beside_what_it_needs() =>
        Gen.Select(Gen.Int[1, 6], Gen.Int[0, 8], Gen.Int[0, 3]).Sample((nodes, webs, dbs) =>
        {
            var cluster = ClusterOf(nodes);
            cluster.Do(Specs.Put(Specs.Stack("shop", Specs.Service("web", webs).With(s => s.Affinity.Add("zdb")), Specs.Service("zdb", dbs))));
            cluster.Reconcile();
            var homes = cluster.State.ReplicasOf("shop/zdb").All.Select(r => r.NodeId).ToHashSet();
            Assert.All(cluster.State.ReplicasOf("shop/web").All, r => Assert.Equal(dbs > 0, r.IsPlaced() && homes.Contains(r.NodeId)));
            Assert.All(cluster.State.ReplicasOf("shop/web").All.Where(r => !r.IsPlaced()), r => Assert.Equal($"no node: {nodes} do not run zdb (x-orc-affinity)", r.Message));
        }, iter: 60);

    [Fact]
    public void A_service_that_wants_its_own_company_stays_together()
    {
        var cluster = ClusterOf(4);
        cluster.Do(Specs.Put(Specs.Stack("shop", Specs.Service("web", 5).Reserve(1, 0).With(s => s.Affinity.Add("web")))));
        cluster.Reconcile();
        var placed = cluster.State.Replicas.Values.Where(r => r.IsPlaced()).ToList();
        Assert.Equal(4, placed.Count);
        Assert.Single(placed.Select(r => r.NodeId).Distinct());
        Assert.Equal("no node: 3 do not run web (x-orc-affinity), 1 lacks 1 cpus", Assert.Single(cluster.State.Replicas.Values, r => !r.IsPlaced()).Message);
    }

    [Fact]
    public void Generic_resources_are_never_given_out_twice() =>
        Gen.Select(Gen.Int[0, 4].Array[1, 5], Gen.Int[0, 12], Gen.Int[1, 3]).Sample((gpus, replicas, each) =>
        {
            var cluster = new FakeCluster();
            foreach (var (i, have) in gpus.Index())
                cluster.Do(new Operation { PutNode = new() { Id = $"n{i}", Description = Specs.Node(4, 4096).With(d => d.GenericResources["gpu"] = have) } },
                    new Operation { SetNodeStatus = new() { NodeId = $"n{i}", Status = NodeStatus.NodeReady } });
            var spec = Specs.Service("web", replicas).With(s => s.Reservations = new() { Generic = { ["gpu"] = each } });
            cluster.Do(Specs.Put(Specs.Stack("shop", spec.Clone().With(s => s.Replicas = replicas / 2))));
            cluster.Reconcile();
            cluster.Do(Specs.Put(Specs.Stack("shop", spec)));
            cluster.Reconcile();
            Assert.Equal(Math.Min(replicas, gpus.Sum(g => g / each)), cluster.State.Replicas.Values.Count(r => r.IsPlaced()));
            foreach (var (i, have) in gpus.Index())
                Assert.True(cluster.State.ReplicasOn($"n{i}").Live * each <= have);
            Assert.All(cluster.State.Replicas.Values.Where(r => !r.IsPlaced()), r => Assert.Equal($"no node: {gpus.Length} lacks {each} gpu", r.Message));
        }, iter: 60);

    [Fact]
    public void Packing_takes_as_few_nodes_as_can_be() =>
        Gen.Select(Gen.Int[1, 8], Gen.Int[0, 20], Gen.Int[0, 12]).Sample((nodes, first, more) =>
        {
            var cluster = ClusterOf(nodes);
            foreach (var replicas in new[] { first, first + more })
            {
                cluster.Do(Specs.Put(Specs.Stack("shop", Specs.Service("web", replicas).Reserve(1, 0).With(s => s.Strategy = PlacementStrategy.Binpack))));
                cluster.Reconcile();
                Assert.Equal((Math.Min(replicas, nodes * 4) + 3) / 4, cluster.State.Nodes.Keys.Count(n => cluster.State.ReplicasOn(n).Live > 0));
            }
        }, iter: 60);

    [Fact]
    public void What_is_more_urgent_is_placed_first_and_what_it_needs_before_it()
    {
        var cluster = new FakeCluster();
        cluster.AddNode("n", cpus: 2);
        cluster.Do(Specs.Put(Specs.Stack("shop",
            Specs.Service("any").Reserve(1, 0),
            Specs.Service("db").Reserve(1, 0),
            Specs.Service("web").Reserve(1, 0).With(s => { s.Priority = 10; s.Affinity.Add("db"); }))));
        cluster.Reconcile();
        Assert.Equal(["db", "web"], cluster.State.Replicas.Values.Where(r => r.IsPlaced()).Select(r => r.Service).Order());
        Assert.Equal("no node: 1 lacks 1 cpus", Assert.Single(cluster.State.Replicas.Values, r => !r.IsPlaced()).Message);
    }

    [Fact]
    public void Rules_of_placement_move_and_replace_nothing_but_what_a_constraint_forbids()
    {
        var cluster = ClusterOf(2);
        cluster.Do(Specs.Put(Specs.Stack("shop", Specs.Service("web", 4), Specs.Service("db"))));
        cluster.Settle();
        var before = cluster.State.Replicas.Keys.ToList();
        cluster.Do(Specs.Put(Specs.Stack("shop", Specs.Service("web", 4).With(s =>
        {
            s.MaxReplicasPerNode = 1;
            s.AntiAffinity.Add("db");
            s.Spread.Add("node.labels.zone");
            s.Priority = 5;
        }), Specs.Service("db"))));
        cluster.Settle();
        Assert.Equal(before, cluster.State.Replicas.Keys);
        cluster.End(cluster.State.ReplicasOf("shop/web").Slot(1).Newest!, 1);
        cluster.Settle(patienceMs: 60_000);
        Assert.False(cluster.State.ReplicasOf("shop/web").Slot(1).Newest!.IsPlaced());
    }

    private static Gen<(int Cpus, int Memory, int Zone)[]> Nodes => Gen.Select(Gen.Int[1, 8], Gen.Int[1, 8], Gen.Int[0, 3]).Array[1, 12];

    private static Gen<(int Replicas, int Cpus, int Zone, bool Packs)> Asked => Gen.Select(Gen.Int[0, 20], Gen.Int[0, 2], Gen.Int[0, 6], Gen.Bool);

    private static FakeCluster ClusterOf(int nodes) => ClusterOf([.. Enumerable.Repeat((4, 8, 3), nodes)]);

    private static FakeCluster ClusterOf((int Cpus, int Memory, int Zone)[] nodes)
    {
        var cluster = new FakeCluster();
        foreach (var (i, (cpus, memory, zone)) in nodes.Index())
            cluster.AddNode($"node{i}", cpus, memory * 1024, Labels(zone));
        return cluster;
    }

    private static KeyValuePair<string, string>[] Labels(int zone) => s_zones[zone].Length == 0 ? [] : [new("zone", s_zones[zone])];

    private static ServiceSpec SpecOf(string name, (int Replicas, int Cpus, int Zone, bool Packs) asked, int more)
    {
        var spec = Specs.Service(name, asked.Replicas + more).Reserve(asked.Cpus, 128 * asked.Cpus);
        if (asked.Zone < 3)
            spec.Constraints.Add($"node.labels.zone=={s_zones[asked.Zone]}");
        spec.Strategy = asked is { Packs: true, Cpus: > 0 } ? PlacementStrategy.Binpack : PlacementStrategy.Spread;
        return spec;
    }

    /// <summary>Node after node, each time the best of all.</summary>
    private static List<string> Exhaustive(ClusterState state, List<Candidate> candidates, Service service, int count)
    {
        var of = candidates.ToDictionary(c => c.Node.Id, c => state.ReplicasOf(service.Id).All.Count(r => r.IsLive() && r.NodeId == c.Node.Id));
        var placed = new List<string>();
        var filters = Filter.Of(service.Spec);
        while (placed.Count < count && candidates.Where(c => filters.All(f => f.Accepts(c))).ToList() is { Count: > 0 } fit)
        {
            var best = service.Spec.Strategy == PlacementStrategy.Binpack
                ? fit.OrderByDescending(c => c.Rank).First()
                : fit.OrderBy(c => of[c.Node.Id]).ThenBy(c => c.Rank).First();
            best.Place(service.Spec);
            of[best.Node.Id]++;
            placed.Add(best.Node.Id);
        }
        return placed;
    }
}
