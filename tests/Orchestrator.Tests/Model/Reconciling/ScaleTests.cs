using Orchestrator.Model;
using Orchestrator.Model.Reconciling;
using Xunit;

namespace Orchestrator.Tests.Model.Reconciling;

/// <summary>What is quadratic fails: counted in bytes taken, which do not depend on how busy the machine is.</summary>
public sealed class ScaleTests
{
    [Fact]
    public void Ten_times_as_many_replicas_cost_ten_times_as_much_and_nothing_when_there_is_nothing_to_do()
    {
        var (few, many) = (Of(services: 2), Of(services: 20));
        TestContext.Current.TestOutputHelper?.WriteLine($"placing {few.Placing} and {many.Placing}, applying {few.Applying} and {many.Applying}, idle {few.Idle} and {many.Idle} bytes");
        Assert.InRange(many.Placing, 0, 15 * few.Placing);
        Assert.InRange(many.Applying, 0, 15 * few.Applying);
        Assert.InRange(many.Idle, 0, 10_000);
    }

    private static (long Placing, long Applying, long Idle) Of(int services)
    {
        var cluster = new FakeCluster();
        for (var i = 0; i < 100; i++)
            cluster.AddNode($"node{i:000}", cpus: 64, memoryMiB: 262_144);
        cluster.Do(Specs.Put(Specs.Stack("big", Enumerable.Range(0, services).Select(i => Specs.Service($"s{i}", 500).Reserve(0.1, 64)))));
        var placing = Bytes(() => Reconciler.Reconcile(cluster.State, cluster.NowMs, 1));
        var applying = Bytes(cluster.Reconcile);
        cluster.Settle(patienceMs: 2000);
        Assert.Equal(500 * services, cluster.State.Replicas.Values.Count(r => r.State() == ReplicaState.Running));
        return (placing, applying, Bytes(() => Assert.Empty(Reconciler.Reconcile(cluster.State, cluster.NowMs, 1).Operations)));
    }

    private static long Bytes(Action action)
    {
        var before = GC.GetAllocatedBytesForCurrentThread();
        action();
        return GC.GetAllocatedBytesForCurrentThread() - before;
    }
}
