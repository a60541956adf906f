using Orchestrator.Model;
using Orchestrator.Model.Endpoints;
using Xunit;

namespace Orchestrator.Tests.Model.Endpoints;

public sealed class EndpointViewTests
{
    private readonly FakeCluster _cluster = new();

    public EndpointViewTests()
    {
        _cluster.AddNode("a");
        _cluster.Do(Specs.Put(Specs.Stack("shop", Specs.Service("web", 2).With(s =>
        {
            s.Ports.AddRange([new PortSpec { Target = 80, Published = 8080 }, new PortSpec { Target = 81 }]);
            s.Networks.Add(new NetworkAttachment { Network = "default", Aliases = { "www" } });
        }))));
        _cluster.Settle();
        foreach (var replica in Replicas)
            Observe(replica, o => o.Addresses["shop_default"] = $"10.160.16.{replica.Slot + 1}");
    }

    private List<Replica> Replicas => _cluster.State.ReplicasOf("shop/web").All.ToList();

    private EndpointNetwork Network => EndpointView.Compute(_cluster.State).Single().Networks.Single();

    [Fact]
    public void A_service_is_its_virtual_ip_its_aliases_its_published_ports_and_its_backends()
    {
        var endpoint = Assert.Single(EndpointView.Compute(_cluster.State));
        Assert.Equal(("shop/web", "shop", "web"), (endpoint.ServiceId, endpoint.Stack, endpoint.Name));
        Assert.Equal([8080], endpoint.Ports.Select(p => p.Published));
        Assert.Equal(("shop_default", "10.160.0.2"), (Network.NetworkId, Network.VirtualIp));
        Assert.Equal(["www"], Network.Aliases);
        Assert.Equal([(1, "10.160.16.2", "a"), (2, "10.160.16.3", "a")], Network.Backends.Select(b => (b.Slot, b.Address, b.NodeId)));
    }

    [Theory]
    [InlineData(Health.None, 2)]
    [InlineData(Health.Healthy, 2)]
    [InlineData(Health.Starting, 1)]
    [InlineData(Health.Unhealthy, 1)]
    public void Only_the_healthy_are_backends(Health health, int backends)
    {
        Observe(Replicas[0], o => o.Health = health);
        Assert.Equal(backends, Network.Backends.Count);
    }

    [Fact]
    public void What_is_told_to_stop_leaves_at_once()
    {
        _cluster.Do(new Operation { SetDesired = new() { ReplicaId = Replicas[0].Id, Desired = DesiredState.DesiredShutdown } });
        Assert.Equal([2], Network.Backends.Select(b => b.Slot));
    }

    [Fact]
    public void What_is_on_a_lost_node_is_no_backend()
    {
        _cluster.Cut("a");
        Assert.Empty(Network.Backends);
    }

    [Fact]
    public void A_port_of_the_node_alone_is_not_the_services()
    {
        _cluster.Do(Specs.Put(Specs.Stack("shop", Specs.Service("web", 2).With(s => s.Ports.Add(new PortSpec { Target = 82, Published = 82, Mode = PortMode.Host })))));
        Assert.Empty(EndpointView.Compute(_cluster.State).Single().Ports);
    }

    [Fact]
    public void A_service_that_is_being_removed_has_no_endpoint()
    {
        _cluster.Do(new Operation { RemoveStack = new() { Name = "shop" } });
        Assert.Empty(EndpointView.Compute(_cluster.State));
    }

    private void Observe(Replica replica, Action<Observed> change)
    {
        var observed = replica.Observed.Clone();
        change(observed);
        _cluster.Do(new Operation { SetObserved = new() { ReplicaId = replica.Id, NodeId = "a", Observed = observed } });
    }
}
