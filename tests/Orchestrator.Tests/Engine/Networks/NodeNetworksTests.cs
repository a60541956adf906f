using System.Net;
using Orchestrator.Engine.Networks;
using Orchestrator.Linux;
using Orchestrator.Linux.Netlink;
using Xunit;

namespace Orchestrator.Tests.Engine.Networks;

public sealed class NodeNetworksTests : IAsyncLifetime
{
    private static readonly ClusterNetwork s_web = new("shop_default", 100, IPNetwork.Parse("10.160.0.0/16"), false);
    private static readonly ClusterNetwork s_back = new("shop_back", 101, IPNetwork.Parse("10.161.0.0/16"), true);
    private Lab _lab = null!;
    private LabHost _a = null!, _b = null!;

    public async ValueTask InitializeAsync()
    {
        Lab.RequireRoot();
        _lab = new Lab();
        (_a, _b) = await _lab.AddPairAsync(s_web, s_back);
    }

    public async ValueTask DisposeAsync()
    {
        if (_lab is not null)
            await _lab.DisposeAsync();
    }

    [Fact]
    public async Task Containers_on_two_machines_reach_each_other_with_the_largest_packet()
    {
        var one = await _a.AttachAsync("one", s_web.Id);
        var two = await _b.AttachAsync("two", s_web.Id);
        Shell.Run(one.NetnsPath, "ping", "-c1", "-W2", "-M", "do", "-s", "1422", two.Addresses[s_web.Id].ToString());
        using var server = new NamedServer(two.NetnsPath, "two");
        Assert.Equal($"two {one.Addresses[s_web.Id]}", Client.Tcp(one.NetnsPath, two.Addresses[s_web.Id], 80));
    }

    [Fact]
    public async Task A_container_reaches_only_its_own_networks()
    {
        var web = await _a.AttachAsync("web", s_web.Id);
        var back = await _b.AttachAsync("back", s_back.Id);
        var both = await _a.AttachAsync("both", s_back.Id, s_web.Id);
        using var server = new NamedServer(back.NetnsPath, "back");
        using var bothServer = new NamedServer(both.NetnsPath, "both");
        Assert.Equal("TimedOut", Client.Tcp(web.NetnsPath, back.Addresses[s_back.Id], 80));
        Assert.Equal("TimedOut", Client.Tcp(web.NetnsPath, both.Addresses[s_back.Id], 80));
        Assert.Equal($"back {both.Addresses[s_back.Id]}", Client.Tcp(both.NetnsPath, back.Addresses[s_back.Id], 80));
        Assert.Equal($"both {web.Addresses[s_web.Id]}", Client.Tcp(web.NetnsPath, both.Addresses[s_web.Id], 80));
    }

    [Fact]
    public async Task Only_a_network_that_is_not_internal_leads_out_and_nothing_leads_in()
    {
        var outside = _lab.AddHost(9);
        using var server = new NamedServer(outside.NetnsPath, "outside");
        var web = await _a.AttachAsync("web", s_web.Id);
        var back = await _a.AttachAsync("back", s_back.Id);
        var both = await _a.AttachAsync("both", s_back.Id, s_web.Id);
        using var inside = new NamedServer(web.NetnsPath, "web");
        Assert.Equal($"outside {_a.Address}", Client.Tcp(web.NetnsPath, outside.Address, 80));
        Assert.Equal($"outside {_a.Address}", Client.Tcp(both.NetnsPath, outside.Address, 80));
        Assert.Equal("NetworkUnreachable", Client.Tcp(back.NetnsPath, outside.Address, 80));
        Shell.Run(back.NetnsPath, "ip", "route", "add", "default", "via", back.DnsServer!.ToString());
        Assert.Equal("TimedOut", Client.Tcp(back.NetnsPath, outside.Address, 80));
        outside.Run("ip", "route", "add", s_web.Subnet.ToString(), "via", _a.Address.ToString());
        Assert.Equal("TimedOut", Client.Tcp(outside.NetnsPath, web.Addresses[s_web.Id], 80));
    }

    [Fact]
    public async Task A_container_cannot_reach_the_machines_loopback_or_send_as_another()
    {
        var one = await _a.AttachAsync("one", s_web.Id);
        var two = await _a.AttachAsync("two", s_web.Id);
        using var local = new NamedServer(_a.NetnsPath, "machine", 7777);
        Shell.Run(one.NetnsPath, "sh", "-c", "echo 1 > /proc/sys/net/ipv4/conf/eth0/route_localnet; ip addr del 127.0.0.1/8 dev lo; ip route add 127.0.0.1 via " + one.DnsServer + " dev eth0");
        Assert.Equal("TimedOut", Client.Tcp(one.NetnsPath, IPAddress.Loopback, 7777));
        using var server = new NamedServer(two.NetnsPath, "two");
        Shell.Run(one.NetnsPath, "ip", "addr", "add", "10.160.16.200/32", "dev", "eth0");
        Shell.Run(one.NetnsPath, "ip", "route", "replace", two.Addresses[s_web.Id] + "/32", "via", one.DnsServer!.ToString(), "dev", "eth0", "src", "10.160.16.200");
        Assert.Equal("TimedOut", Client.Tcp(one.NetnsPath, two.Addresses[s_web.Id], 80));
    }

    [Fact]
    public async Task An_unknown_address_of_a_network_is_refused_at_once()
    {
        var one = await _a.AttachAsync("one", s_web.Id);
        foreach (var nowhere in new[] { "10.160.0.77", "10.160.99.2", "10.160.16.99" })
            Assert.Contains(Client.Tcp(one.NetnsPath, IPAddress.Parse(nowhere), 80), new[] { "HostUnreachable", "NetworkUnreachable" });
    }

    [Fact]
    public async Task Ensuring_the_same_plan_again_changes_nothing_in_the_kernel()
    {
        await _a.AttachAsync("one", s_web.Id);
        var before = Kernel(_a);
        await _a.EnsureAsync(Plan());
        Assert.Equal(before, Kernel(_a));
    }

    [Fact]
    public async Task What_leaves_the_plan_leaves_the_kernel_and_what_was_broken_is_mended()
    {
        var whole = Kernel(_a);
        await _a.EnsureAsync(Plan() with { Networks = [s_web], Peers = [] });
        Assert.DoesNotContain("10.161.", Kernel(_a), StringComparison.Ordinal);
        Assert.DoesNotContain("10.160.17.0", Kernel(_a), StringComparison.Ordinal);
        _a.Run("ip", "link", "del", "orc-vx100");
        _a.Run("nft", "flush", "ruleset");
        await _a.EnsureAsync(Plan());
        Assert.Equal(whole, Kernel(_a));
    }

    [Fact]
    public async Task A_restarted_agent_finds_its_containers_and_mends_what_a_crash_left_half_made()
    {
        var one = await _a.AttachAsync("one", s_web.Id, s_back.Id);
        _a.Run("ip", "link", "del", Addressing.Veth("one", s_back.Id));
        Namespaces.DeleteNetwork((await _a.AttachAsync("two", s_web.Id)).NetnsPath);
        await File.WriteAllTextAsync(Path.Combine(Path.GetDirectoryName(one.NetnsPath)!, "never-recorded"), "", TestContext.Current.CancellationToken);
        _a.Networks = _a.NewNetworks();
        Assert.Equal(["one", "two"], _a.Networks.Attachments.Select(a => a.ContainerId).Order(StringComparer.Ordinal));
        await _a.EnsureAsync(Plan());
        Assert.Equal(one.Addresses, (await _a.AttachAsync("one", s_web.Id, s_back.Id)).Addresses);
        var two = await _a.AttachAsync("two", s_web.Id);
        foreach (var network in new[] { s_web, s_back })
            Shell.Run(one.NetnsPath, "ping", "-c1", "-W2", Addressing.Gateway(network.Subnet, 16).ToString());
        Shell.Run(one.NetnsPath, "ping", "-c1", "-W2", two.Addresses[s_web.Id].ToString());
        Assert.Equal(["one", "two"], Directory.GetFiles(Path.GetDirectoryName(one.NetnsPath)!).Select(Path.GetFileName).Order(StringComparer.Ordinal));
    }

    [Fact(Timeout = 10_000)]
    public async Task A_detached_container_leaves_nothing_and_its_address_rests()
    {
        var before = Kernel(_a);
        var one = await _a.AttachAsync("one", s_web.Id);
        await _a.Networks.DetachAsync("one", TestContext.Current.CancellationToken);
        // The kernel ends a namespace in its own time.
        while (Kernel(_a) != before)
            await Task.Delay(10, TestContext.Current.CancellationToken);
        Assert.False(File.Exists(one.NetnsPath));
        Assert.NotEqual(one.Addresses[s_web.Id], (await _a.AttachAsync("two", s_web.Id)).Addresses[s_web.Id]);
    }

    [Fact]
    public async Task Removing_all_leaves_the_machine_as_it_was()
    {
        var fresh = _lab.AddHost(3);
        var before = Kernel(fresh);
        await fresh.EnsureAsync(Plan() with { Block = 18, UnderlayAddress = fresh.Address });
        await fresh.AttachAsync("one", s_web.Id);
        await fresh.Networks.RemoveAllAsync(TestContext.Current.CancellationToken);
        Assert.Equal(before, Kernel(fresh));
    }

    [Fact]
    public async Task Docker_on_the_same_machine_does_not_cut_the_networks()
    {
        _a.Run("nft", "table ip filter { chain DOCKER-USER { counter return; }; chain FORWARD { type filter hook forward priority filter; policy drop; jump DOCKER-USER; }; }");
        var before = _a.Run("nft", "list table ip filter");
        var one = await _a.AttachAsync("one", s_web.Id);
        var two = await _b.AttachAsync("two", s_web.Id);
        using var server = new NamedServer(two.NetnsPath, "two");
        Assert.Equal("TimedOut", Client.Tcp(one.NetnsPath, two.Addresses[s_web.Id], 80));
        await _a.EnsureAsync(Plan());
        await _a.EnsureAsync(Plan());
        Assert.StartsWith("two", Client.Tcp(one.NetnsPath, two.Addresses[s_web.Id], 80), StringComparison.Ordinal);
        await _a.Networks.RemoveAllAsync(TestContext.Current.CancellationToken);
        Assert.Equal(CountersOut(before), CountersOut(_a.Run("nft", "list table ip filter")));
    }

    private static string CountersOut(string rules) => System.Text.RegularExpressions.Regex.Replace(rules, "[0-9]+", "N");

    [Fact]
    public async Task An_unknown_network_is_refused_by_name()
    {
        var e = await Assert.ThrowsAsync<InvalidOperationException>(() => _a.AttachAsync("one", "nothing"));
        Assert.Equal("network nothing is not on this node; there are: shop_default, shop_back", e.Message);
        Assert.Empty(_a.Networks.Attachments);
    }

    private NetworkPlan Plan() => new(16, _a.Address, [s_web, s_back], [new NetworkPeer(_b.Address, 17)]);

    private static string Kernel(LabHost host) => host.Ask(route => string.Join('\n',
        [
            .. route.Links().Select(l => $"{l.Name} {l.Kind} {l.Up} {l.Mtu} {l.Mac} {l.Vxlan}").Order(StringComparer.Ordinal),
            .. route.Addresses().Select(a => $"{a.Address}/{a.PrefixLength}").Order(StringComparer.Ordinal),
            .. route.Routes(OverlayDevices.RouteProtocol).Select(r => $"{r.Destination} {r.Via} {r.OnLink} {r.Source}").Order(StringComparer.Ordinal),
            .. route.Neighbours().Select(n => $"{n.Address} {n.Mac}").Order(StringComparer.Ordinal),
            .. route.ForwardingEntries().Select(e => $"{e.Mac} {e.Remote}").Order(StringComparer.Ordinal),
        ])) + host.Run("nft", "list", "ruleset");
}
