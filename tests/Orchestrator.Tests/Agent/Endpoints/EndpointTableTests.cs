using System.Net;
using Orchestrator.Agent.Endpoints;
using Orchestrator.Engine.Networks;
using Orchestrator.Model;
using Orchestrator.Tests.Engine.Networks;
using Xunit;

namespace Orchestrator.Tests.Agent.Endpoints;

/// <summary>Two machines with a network, a backend on each, and a stranger on the same wire.</summary>
public sealed class EndpointTableTests : IAsyncLifetime
{
    private static readonly ClusterNetwork s_web = new("shop_default", 100, IPNetwork.Parse("10.160.0.0/16"), false);
    private static readonly IPAddress s_virtualIp = IPAddress.Parse("10.160.0.5");
    private readonly List<IDisposable> _servers = [];
    private Lab _lab = null!;
    private LabHost _a = null!, _b = null!, _stranger = null!;
    private EndpointTable _tableA = null!, _tableB = null!;
    private Attachment _one = null!, _two = null!;

    public async ValueTask InitializeAsync()
    {
        Lab.RequireRoot();
        _lab = new Lab();
        (_a, _b) = await _lab.AddPairAsync(s_web);
        _stranger = _lab.AddHost(9);
        (_tableA, _tableB) = (new EndpointTable(_a.Networks, _a.Thread), new EndpointTable(_b.Networks, _b.Thread));
        (_one, _two) = (await _a.AttachAsync("one", s_web.Id), await _b.AttachAsync("two", s_web.Id));
        _servers.AddRange([new NamedServer(_one.NetnsPath, "one"), new NamedServer(_two.NetnsPath, "two")]);
    }

    public async ValueTask DisposeAsync()
    {
        _servers.ForEach(s => s.Dispose());
        if (_lab is not null)
            await _lab.DisposeAsync();
    }

    [Fact]
    public async Task A_virtual_ip_is_balanced_over_both_machines_also_for_a_backend_itself()
    {
        await Apply(Service(_one, _two));
        foreach (var client in new[] { _one, _two })
            Assert.Equal(["one", "two"], Names(20, () => Client.Tcp(client.NetnsPath, s_virtualIp, 80)));
        Assert.Equal(["one", "two"], Names(20, () => Client.Tcp(_a.NetnsPath, s_virtualIp, 80)));
    }

    [Fact]
    public async Task A_published_port_answers_on_every_machine_from_anywhere()
    {
        await Apply(Service(_one, _two));
        foreach (var node in new[] { _a, _b })
        {
            Assert.Equal(["one", "two"], Names(20, () => Client.Tcp(_stranger.NetnsPath, node.Address, 8080)));
            Assert.Equal(["one", "two"], Names(20, () => Client.Udp(_stranger.NetnsPath, node.Address, 8080)));
            Assert.Equal(["one", "two"], Names(20, () => Client.Tcp(node.NetnsPath, IPAddress.Loopback, 8080)));
            Assert.Equal(["one", "two"], Names(20, () => Client.Udp(node.NetnsPath, IPAddress.Loopback, 8080)));
            Assert.Equal(["one", "two"], Names(20, () => Client.Tcp(node.NetnsPath, node.Address, 8080)));
            Assert.Equal(["one", "two"], Names(20, () => Client.Tcp(_one.NetnsPath, node.Address, 8080)));
        }
    }

    [Fact]
    public async Task A_port_published_on_one_address_is_not_on_the_others()
    {
        var service = Service(_one, _two);
        foreach (var port in service.Ports)
            port.HostIp = "127.0.0.1";
        await Apply(service);
        Assert.Equal(["one", "two"], Names(20, () => Client.Tcp(_a.NetnsPath, IPAddress.Loopback, 8080)));
        Assert.Equal("ConnectionRefused", Client.Tcp(_stranger.NetnsPath, _a.Address, 8080));
    }

    [Fact]
    public async Task A_removed_backend_gets_nothing_more_and_an_empty_service_refuses_at_once()
    {
        await Apply(Service(_one, _two));
        using var udp = Client.UdpSocket(_stranger.NetnsPath, _a.Address, 8080);
        Assert.Contains(Client.Udp(udp).Split(' ')[0], new[] { "one", "two" });
        await Apply(Service(_two));
        Assert.Equal(["two"], Names(10, () => Client.Tcp(_one.NetnsPath, s_virtualIp, 80)));
        Assert.Equal(["two"], Names(10, () => Client.Tcp(_stranger.NetnsPath, _a.Address, 8080)));
        Assert.StartsWith("two", Client.Udp(udp), StringComparison.Ordinal);
        await Apply(Service());
        foreach (var ask in new Func<string>[]
        {
            () => Client.Tcp(_one.NetnsPath, s_virtualIp, 80), () => Client.Tcp(_a.NetnsPath, s_virtualIp, 80),
            () => Client.Tcp(_stranger.NetnsPath, _a.Address, 8080), () => Client.Tcp(_a.NetnsPath, IPAddress.Loopback, 8080),
            () => Client.Udp(_one.NetnsPath, s_virtualIp, 80), () => Client.Udp(udp),
        })
            Assert.Equal("ConnectionRefused", ask());
        await Apply(Service(_one));
        Assert.StartsWith("one", Client.Udp(udp), StringComparison.Ordinal);
        Assert.Equal(["one"], Names(5, () => Client.Tcp(_two.NetnsPath, s_virtualIp, 80)));
    }

    [Fact]
    public async Task A_host_port_is_on_its_own_machine_and_keeps_the_clients_address()
    {
        await _tableA.ApplyAsync([], [new HostPort(Protocol.Tcp, 9090, null, _one.Addresses[s_web.Id], 80)], TestContext.Current.CancellationToken);
        Assert.Equal($"one {_stranger.Address}", Client.Tcp(_stranger.NetnsPath, _a.Address, 9090));
        Assert.StartsWith("one", Client.Tcp(_a.NetnsPath, IPAddress.Loopback, 9090), StringComparison.Ordinal);
        Assert.StartsWith("one", Client.Tcp(_one.NetnsPath, _a.Address, 9090), StringComparison.Ordinal);
        Assert.StartsWith("one", Client.Tcp(_two.NetnsPath, _a.Address, 9090), StringComparison.Ordinal);
        Assert.Equal("ConnectionRefused", Client.Tcp(_stranger.NetnsPath, _b.Address, 9090));
    }

    [Fact]
    public async Task The_table_outlives_its_agent_and_comes_back_when_it_was_taken_away()
    {
        await Apply(Service(_one, _two));
        var restarted = new EndpointTable(_a.NewNetworks(), _a.Thread);
        Assert.Equal(["one", "two"], Names(10, () => Client.Tcp(_one.NetnsPath, s_virtualIp, 80)));
        await restarted.ApplyAsync([Service(_two)], [], TestContext.Current.CancellationToken);
        Assert.Equal(["two"], Names(10, () => Client.Tcp(_one.NetnsPath, s_virtualIp, 80)));
        _a.Run("nft", "flush", "ruleset");
        await restarted.ApplyAsync([Service(_two)], [], TestContext.Current.CancellationToken);
        Assert.Equal(["two"], Names(10, () => Client.Tcp(_one.NetnsPath, s_virtualIp, 80)));
        await restarted.RemoveAllAsync();
        Assert.DoesNotContain(Ruleset.Table, _a.Run("nft", "list", "tables"), StringComparison.Ordinal);
    }

    private static string[] Names(int count, Func<string> ask) =>
        [.. Enumerable.Range(0, count).Select(_ => ask().Split(' ')[0]).Distinct().Order(StringComparer.Ordinal)];

    private static ServiceEndpoint Service(params Attachment[] backends)
    {
        var network = new EndpointNetwork { NetworkId = s_web.Id, VirtualIp = s_virtualIp.ToString() };
        network.Backends.AddRange(backends.Select(b => new Backend { ReplicaId = b.ContainerId, Address = b.Addresses[s_web.Id].ToString() }));
        return new ServiceEndpoint
        {
            ServiceId = "shop/web", Stack = "shop", Name = "web", Networks = { network },
            Ports =
            {
                new PortSpec { Target = 80, Published = 8080 },
                new PortSpec { Target = 80, Published = 8080, Protocol = Protocol.Udp },
            },
        };
    }

    private async Task Apply(ServiceEndpoint service)
    {
        await _tableA.ApplyAsync([service], [], TestContext.Current.CancellationToken);
        await _tableB.ApplyAsync([service], [], TestContext.Current.CancellationToken);
    }
}
