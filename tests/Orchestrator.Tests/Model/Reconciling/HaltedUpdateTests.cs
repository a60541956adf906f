using Orchestrator.Model;
using Orchestrator.Model.Reconciling;
using Xunit;

namespace Orchestrator.Tests.Model.Reconciling;

public sealed class HaltedUpdateTests
{
    [Fact]
    public void A_round_that_moves_the_failing_replica_away_leaves_nothing_to_decide()
    {
        var cluster = new FakeCluster();
        foreach (var node in (string[])["a", "b", "c"])
            cluster.AddNode(node);
        cluster.Do(Specs.Put(Specs.Stack("shop", Specs.Service("job", 2))));
        cluster.Settle(2000);
        cluster.Do(Specs.Put(Specs.Stack("shop", Specs.Service("job", 2, "bad"))));
        Replica? failing = null;
        for (var i = 0; i < 200 && failing is null; i++)
        {
            cluster.Step();
            failing = cluster.State.Replicas.Values.FirstOrDefault(r => r.Spec.Container.Image == "bad" && r.IsLive() && r.IsPlaced() && r.FailuresInRow > 0 && !r.IsServing());
        }
        Assert.NotNull(failing);
        cluster.End(cluster.State.Replicas.Values.Single(r => r.Spec.Container.Image == "app" && r.State() == ReplicaState.Running), 1);
        cluster.Reconcile();
        Assert.Contains(cluster.State.Replicas.Values, r => r.Spec.Container.Image == "app" && r.IsLive() && !r.IsServing());
        cluster.Drain(failing.NodeId);
        cluster.Reconcile();
    }

    /// <summary>What is moved, or crashes, while the rollout is stopped comes back as it was.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_rollout_that_is_stopped_spreads_no_further_by_drains_and_crashes(bool byHand)
    {
        var cluster = new FakeCluster();
        foreach (var node in (string[])["a", "b", "c"])
            cluster.AddNode(node);
        cluster.Do(Specs.Put(Specs.Stack("shop", Specs.Service("web", 6))));
        cluster.Settle(2000);
        cluster.Do(Specs.Put(Specs.Stack("shop", Specs.Service("web", 6, byHand ? "next" : "bad"))));
        if (byHand)
            cluster.Do(new Operation { SteerRollout = new() { ServiceId = "shop/web", Verb = RolloutVerb.RolloutPause } });
        for (var i = 0; i < 20; i++)
            cluster.Step();
        var begun = New(cluster);
        Assert.InRange(begun, 0, 1);
        cluster.End(cluster.State.Replicas.Values.First(r => r.Spec.Container.Image == "app" && r.State() == ReplicaState.Running), 1);
        cluster.Drain("a");
        for (var i = 0; i < 50; i++)
            cluster.Step();
        Assert.Equal(begun, New(cluster));
        Assert.Equal(6 - begun, cluster.State.Replicas.Values.Count(r => r.Spec.Container.Image == "app" && r.IsServing() && r.NodeId != "a"));
    }

    [Fact]
    public void Canaries_that_end_make_no_others()
    {
        var cluster = new FakeCluster();
        foreach (var node in (string[])["a", "b"])
            cluster.AddNode(node);
        var service = Specs.Service("web", 5).With(s => s.Update = new() { Canary = 1, Parallelism = 0, FailureAction = FailureAction.Continue });
        cluster.Do(Specs.Put(Specs.Stack("shop", service)));
        cluster.Settle(2000);
        cluster.Do(Specs.Put(Specs.Stack("shop", service.Clone().With(s => s.Container.Image = "bad"))));
        for (var i = 0; i < 100; i++)
            cluster.Step();
        Assert.Equal(4, cluster.State.Replicas.Values.Count(r => r.Spec.Container.Image == "app" && r.IsServing()));
    }

    private static int New(FakeCluster cluster) =>
        cluster.State.Replicas.Values.Where(r => r.Spec.Container.Image != "app").Select(r => r.Slot).Distinct().Count();
}
