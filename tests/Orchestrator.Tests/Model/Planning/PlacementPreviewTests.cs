using Orchestrator.Model;
using Orchestrator.Model.Planning;
using Xunit;

namespace Orchestrator.Tests.Model.Planning;

public sealed class PlacementPreviewTests
{
    private readonly FakeCluster _cluster = new();

    [Fact]
    public void What_is_shown_is_what_then_happens()
    {
        foreach (var node in new[] { "a", "b", "c" })
            _cluster.AddNode(node, cpus: 2);
        _cluster.Do(Specs.Put(Specs.Stack("other", Specs.Service("x", 2).Reserve(1, 0))));
        _cluster.Settle();
        var spec = Specs.Stack("shop", Specs.Service("web", 5).Reserve(1, 0), Specs.Service("db"));
        var before = _cluster.State.Digest();
        var preview = PlacementPreview.Of(_cluster.State, spec);
        Assert.Equal(before, _cluster.State.Digest());
        Assert.Equal(["would go to c"], preview["db"]);
        Assert.Equal(["would go to c (2), a, b", "1 would wait: no node: 3 lacks 1 cpus"], preview["web"]);

        _cluster.Do(Specs.Put(spec));
        _cluster.Reconcile();
        Assert.Equal(["a", "b", "c", "c"], _cluster.State.ReplicasOf("shop/web").All.Where(r => r.IsPlaced()).Select(r => r.NodeId).Order());
        Assert.DoesNotContain("db", PlacementPreview.Of(_cluster.State, spec).Keys);
    }

    [Fact]
    public void A_cluster_without_nodes_says_so()
    {
        var preview = PlacementPreview.Of(_cluster.State, Specs.Stack("shop", Specs.Service("web", 2)));
        Assert.Equal(["2 would wait: no node: the cluster has none yet"], preview["web"]);
    }
}
