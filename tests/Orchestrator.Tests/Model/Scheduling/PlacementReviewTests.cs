using CsCheck;
using Orchestrator.Model;
using Orchestrator.Model.Scheduling;
using Xunit;

namespace Orchestrator.Tests.Model.Scheduling;

public sealed class PlacementReviewTests
{
    [Fact]
    public void The_best_node_of_a_review_is_where_the_scheduler_put_the_last_replica() =>
        Gen.Select(Gen.Select(Gen.Int[1, 6], Gen.Int[0, 2]).Array[1, 8], Gen.Int[1, 12], Gen.Int[0, 2], Gen.Bool, Gen.Bool, Gen.Int[0, 2]).Sample(
            (nodes, replicas, cpus, spread, packs, most) =>
        {
            var cluster = new FakeCluster();
            foreach (var (i, (nodeCpus, zone)) in nodes.Index())
                cluster.AddNode($"node{i}", nodeCpus, labels: zone == 0 ? [] : [new("zone", $"z{zone}")]);
            var spec = Specs.Service("web", replicas).Reserve(cpus, 0).With(s => s.MaxReplicasPerNode = most);
            spec.Strategy = packs && cpus > 0 ? PlacementStrategy.Binpack : PlacementStrategy.Spread;
            if (spread)
                spec.Spread.Add("node.labels.zone");
            cluster.Do(Specs.Put(Specs.Stack("shop", spec)));
            cluster.Reconcile();
            var last = cluster.State.Replicas.Values.Where(r => r.IsPlaced()).MaxBy(r => r.Slot);
            if (last is null)
                return;
            var verdicts = PlacementReview.Of(cluster.State, last);
            Assert.Equal(last.NodeId, verdicts[0].NodeId);
            Assert.Equal((true, ""), (verdicts[0].Current, verdicts[0].Refusal));
            Assert.Equal(nodes.Length, verdicts.Count);
        }, iter: 200);

    [Fact]
    public void Each_node_has_its_refusal_or_its_terms()
    {
        var cluster = new FakeCluster();
        foreach (var (name, cpus, zone) in new[] { ("a", 4, "x"), ("b", 4, "x"), ("c", 1, "y"), ("d", 4, "") })
            cluster.AddNode(name, cpus, labels: zone.Length == 0 ? [] : [new("zone", zone)]);
        cluster.Drain("d");
        cluster.Do(Specs.Put(Specs.Stack("shop", Specs.Service("web", 2).Reserve(2, 0).With(s => s.Spread.Add("node.labels.zone")))));
        cluster.Settle();
        var second = cluster.State.ReplicasOf("shop/web").Slot(2).Newest!;
        Assert.Equal(
            ["b here 0 of web, 2000 free, 0 live; x 1", "a 1 of web, 1500 free, 1 live; x 1", "c lacks 2 cpus", "d drained"],
            PlacementReview.Of(cluster.State, second).Select(Shown));
    }

    [Fact]
    public void A_waiting_replica_is_reviewed_too()
    {
        var cluster = new FakeCluster();
        cluster.AddNode("a");
        cluster.Do(Specs.Put(Specs.Stack("shop", Specs.Service("web", 2).With(s => s.AntiAffinity.Add("web")))));
        cluster.Settle();
        var waiting = cluster.State.Replicas.Values.Single(r => !r.IsPlaced());
        Assert.Equal("a already run web (x-orc-anti-affinity)", Assert.Single(PlacementReview.Of(cluster.State, waiting).Select(Shown)));
    }

    private static string Shown(NodeVerdict node) => node.Refusal.Length > 0
        ? $"{node.Hostname} {node.Refusal}"
        : $"{node.Hostname} {(node.Current ? "here " : "")}{node.OfService} of web, {node.FreePermille} free, {node.Live} live"
            + string.Concat(node.Groups.Select(g => $"; {g.Value} {g.Replicas}"));
}
