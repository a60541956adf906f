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
}
