using System.Diagnostics;
using Orchestrator.Model;
using Orchestrator.Model.Reconciling;
using Xunit;

namespace Orchestrator.Tests.Model.Reconciling;

/// <summary>Orders of magnitude, with room for a busy machine: what is quadratic fails.</summary>
public sealed class ScaleTests
{
    [Fact]
    public void Ten_thousand_replicas_on_a_hundred_nodes()
    {
        var cluster = new FakeCluster();
        for (var i = 0; i < 100; i++)
            cluster.AddNode($"node{i:000}", cpus: 64, memoryMiB: 262_144);
        cluster.Do(Specs.Put(Specs.Stack("big", Enumerable.Range(0, 20).Select(i => Specs.Service($"s{i}", 500).Reserve(0.1, 64)))));
        var placing = Best(1, () => Reconciler.Reconcile(cluster.State, cluster.NowMs, 1));
        var applying = Best(1, cluster.Reconcile);
        cluster.Settle();
        Assert.Equal(10_000, cluster.State.Replicas.Values.Count(r => r.State() == ReplicaState.Running));
        var idle = Best(5, () => Assert.Empty(Reconciler.Reconcile(cluster.State, cluster.NowMs, 1).Operations));
        TestContext.Current.TestOutputHelper?.WriteLine($"placing {placing}, placing and applying {applying}, idle {idle}");
        Assert.InRange(placing, TimeSpan.Zero, TimeSpan.FromSeconds(2));
        Assert.InRange(applying, TimeSpan.Zero, TimeSpan.FromSeconds(4));
        Assert.InRange(idle, TimeSpan.Zero, TimeSpan.FromMilliseconds(10));
    }

    private static TimeSpan Best(int times, Action action) => Enumerable.Range(0, times).Min(_ =>
    {
        var started = Stopwatch.GetTimestamp();
        action();
        return Stopwatch.GetElapsedTime(started);
    });
}
