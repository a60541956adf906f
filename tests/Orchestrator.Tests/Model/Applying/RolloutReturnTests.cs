using Orchestrator.Model;
using Orchestrator.Tests.Model.Reconciling;
using Xunit;

namespace Orchestrator.Tests.Model.Applying;

/// <summary>What is returned to must still have its place in the cluster.</summary>
public sealed class RolloutReturnTests
{
    private readonly FakeCluster _cluster = new();

    public RolloutReturnTests()
    {
        _cluster.AddNode("a");
        _cluster.AddNode("b");
    }

    [Fact]
    public void A_version_whose_network_is_gone_is_refused()
    {
        Apply(On(Specs.Service("web", 2), "front"), "front", "default");
        Apply(Specs.Service("web", 2, "next"), "default");
        Assert.Equal("service shop/web: version 1 is on network shop_front, which is gone", Undo().Refusal.Message);
    }

    [Fact]
    public void A_version_on_another_network_gets_its_virtual_IP_there()
    {
        Apply(On(Specs.Service("web", 2), "front"), "front", "default");
        Apply(Specs.Service("web", 2, "next"), "front", "default");
        Assert.Equal(["shop_default"], Web.VirtualIps.Keys);
        Assert.Null(Undo().Refusal);
        Assert.Equal(["shop_front"], Web.VirtualIps.Keys);
    }

    [Fact]
    public void A_version_whose_port_has_been_taken_is_refused_and_not_rolled_back_to()
    {
        var port = new PortSpec { Target = 80, Published = 8080 };
        var policy = new RolloutPolicy { FailureAction = FailureAction.Rollback };
        Apply(Specs.Service("web", 1).With(s => s.Ports.Add(port)).With(s => s.Update = policy), "default");
        Apply(Specs.Service("web", 1, "next").With(s => s.Update = policy), "default");
        _cluster.Do(Specs.Put(Specs.Stack("other", Specs.Service("taker").With(s => s.Ports.Add(port)))));
        _cluster.Settle(2000);
        Assert.Contains("publishes a port that other/taker has taken since", Undo(1).Refusal.Message, StringComparison.Ordinal);
        _cluster.Do(new Operation { RemoveService = new() { ServiceId = "other/taker" } });
        _cluster.Settle(2000);
        Assert.Null(Undo(1).Refusal);
    }

    [Fact]
    public void A_version_that_is_being_returned_to_stays_a_good_one()
    {
        Apply(Specs.Service("web", 2), "default");
        Apply(Specs.Service("web", 2, "broken"), "default");
        Undo();
        // Before version 1 is complete again.
        Apply(Specs.Service("web", 2, "hotfix"), settles: false, "default");
        Assert.Equal([2, 1], Web.History.Where(v => v.Good).Select(v => v.Version));
    }

    [Fact]
    public void Versions_that_want_each_others_company_do_not_end_the_scheduler()
    {
        var (a, b) = (Specs.Service("a").With(s => s.Affinity.Add("b")), Specs.Service("b"));
        _cluster.Do(Specs.Put(Specs.Stack("shop", a, b)));
        _cluster.Settle(2000);
        _cluster.Do(Specs.Put(Specs.Stack("shop", Specs.Service("a", 1, "next"), Specs.Service("b").With(s => s.Affinity.Add("a")))));
        _cluster.Settle(2000);
        _cluster.Do(new Operation { SteerRollout = new() { ServiceId = "shop/a", Verb = RolloutVerb.RolloutUndo } });
        _cluster.Settle(2000);
        Assert.Equal(1, _cluster.Running("shop/a"));
    }

    [Fact]
    public void A_job_on_every_node_is_not_done_again_by_a_node_that_was_away()
    {
        Apply(Specs.Service("web", 1, "once").With(s => (s.Mode, s.Restart) = (ServiceMode.Global, new() { Condition = RestartCondition.OnFailure })), "default");
        var done = _cluster.State.Replicas.Keys.ToList();
        Assert.Equal(2, done.Count);
        _cluster.Cut("a");
        _cluster.Settle(2000);
        _cluster.Return("a");
        _cluster.Settle(2000);
        Assert.Equal(done, _cluster.State.Replicas.Keys);
    }

    private Service Web => _cluster.State.Services["shop/web"];

    private ChangeResult Undo(int version = 0) =>
        _cluster.Propose(new Operation { SteerRollout = new() { ServiceId = "shop/web", Verb = RolloutVerb.RolloutUndo, ToVersion = version } });

    private void Apply(ServiceSpec web, params string[] networks) => Apply(web, settles: true, networks);

    private void Apply(ServiceSpec web, bool settles, params string[] networks)
    {
        var stack = Specs.Stack("shop", web);
        stack.Networks.Clear();
        stack.Networks.AddRange(networks.Select(n => new NetworkSpec { Name = n }));
        _cluster.Do(Specs.Put(stack));
        if (settles)
            _cluster.Settle(2000);
    }

    private static ServiceSpec On(ServiceSpec service, string network) => service.With(s => s.Networks.Add(new NetworkAttachment { Network = network }));
}
