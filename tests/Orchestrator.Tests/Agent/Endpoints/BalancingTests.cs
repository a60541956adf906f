using System.Net;
using CsCheck;
using Orchestrator.Agent.Endpoints;
using Orchestrator.Engine.Networks;
using Orchestrator.Linux;
using Orchestrator.Model;
using Orchestrator.Tests.Engine.Networks;
using Xunit;

namespace Orchestrator.Tests.Agent.Endpoints;

public sealed class BalancingTests
{
    private static readonly LocalNetwork[] s_networks =
    [
        new(new ClusterNetwork("shop_default", 100, IPNetwork.Parse("10.160.0.0/16"), false), IPAddress.Parse("10.160.16.1"), "orc-vx100"),
        new(new ClusterNetwork("shop_back", 101, IPNetwork.Parse("10.161.0.0/16"), true), IPAddress.Parse("10.161.16.1"), "orc-vx101"),
    ];

    // Few values, so that services collide, come back and change.
    private static readonly Gen<ServiceEndpoint> s_endpoint = Gen.Select(
        Gen.Int[0, 9], Gen.Int[0, 4].Array[0, 3], Gen.Select(Gen.Int[1, 4], Gen.Bool, Gen.Int[0, 2].Select(i => new[] { "", "127.0.0.1", "::1" }[i])).Array[0, 2], Gen.Int[0, 1],
        (id, backends, ports, network) =>
        {
            var endpoint = Service($"s{id}", network, $"10.{160 + network}.0.{id + 1}", [.. backends.Select(b => $"10.{160 + network}.{16 + (b % 2)}.{b + 2}")]);
            endpoint.Ports.AddRange(ports.Select(p => new PortSpec
            {
                Target = 80, Published = 8000 + p.Item1, Protocol = p.Item2 ? Protocol.Udp : Protocol.Tcp, HostIp = p.Item3,
            }));
            return endpoint;
        });

    private static readonly Gen<Ruleset> s_ruleset = Gen.Select(s_endpoint.Array[0, 8], Gen.Int[0, 2], Gen.Bool, (endpoints, networks, hostPort) =>
        Balancing.Compute(
            endpoints, hostPort ? [new HostPort(Protocol.Tcp, 8001, null, IPAddress.Parse("10.160.16.2"), 80)] : [], s_networks[..networks]));

    /// <summary>One such address would have the kernel refuse the rules of all services.</summary>
    [Fact]
    public void An_address_that_is_not_of_ip_version_4_is_no_backend() =>
        Assert.Equal(
            Balancing.Compute([Service("shop/web", 0, "10.160.0.5", ["10.160.16.2"])], [], s_networks).ToWhole(),
            Balancing.Compute([Service("shop/web", 0, "10.160.0.5", ["10.160.16.2", "fd00::2", "no address"])], [], s_networks).ToWhole());

    [Fact]
    public void The_rules_of_a_published_service()
    {
        var service = Service("shop/web", 0, "10.160.0.5", ["10.160.16.2", "10.160.17.2"]);
        service.Ports.Add(new PortSpec { Target = 80, Published = 8080 });
        service.Ports.Add(new PortSpec { Target = 53, Published = 5353, Protocol = Protocol.Udp, HostIp = "127.0.0.1" });
        Assert.Equal("""
            add chain ip orchestrator network_100
            add rule ip orchestrator network_100 ip saddr . ip daddr @hairpins snat to 10.160.16.1
            add rule ip orchestrator network_100 ip saddr 10.160.0.0/16 return
            add rule ip orchestrator network_100 ip daddr . meta l4proto . th dport @kept_sources fib saddr type != local return
            add rule ip orchestrator network_100 snat to 10.160.16.1
            add chain ip orchestrator port_tcp_8080
            add rule ip orchestrator port_tcp_8080 meta l4proto tcp dnat ip to numgen inc mod 2 map { 0 : 10.160.16.2 . 80, 1 : 10.160.17.2 . 80 }
            add chain ip orchestrator port_udp_5353_127_0_0_1
            add rule ip orchestrator port_udp_5353_127_0_0_1 meta l4proto udp dnat ip to numgen inc mod 2 map { 0 : 10.160.16.2 . 53, 1 : 10.160.17.2 . 53 }
            add chain ip orchestrator vip_10_160_0_5
            add rule ip orchestrator vip_10_160_0_5 dnat to numgen inc mod 2 map { 0 : 10.160.16.2, 1 : 10.160.17.2 }
            add element ip orchestrator address_ports { 127.0.0.1 . udp . 5353 : goto port_udp_5353_127_0_0_1 }
            add element ip orchestrator gateways { 10.160.16.1 }
            add element ip orchestrator hairpins { 10.160.16.2 . 10.160.16.2 }
            add element ip orchestrator networks { 10.160.0.0 : goto network_100 }
            add element ip orchestrator ports { tcp . 8080 : goto port_tcp_8080 }
            add element ip orchestrator virtual_ips { 10.160.0.5 : goto vip_10_160_0_5 }

            """, Balancing.Compute([service], [], s_networks[..1]).ToChangesFrom(Ruleset.Empty));
    }

    [Fact]
    public void One_backend_less_changes_two_rules_and_nothing_else()
    {
        var before = Service("shop/web", 0, "10.160.0.5", ["10.160.16.2", "10.160.17.2"]);
        var after = Service("shop/web", 0, "10.160.0.5", ["10.160.17.2"]);
        Assert.Equal("""
            flush chain ip orchestrator vip_10_160_0_5
            add rule ip orchestrator vip_10_160_0_5 dnat to 10.160.17.2
            delete element ip orchestrator hairpins { 10.160.16.2 . 10.160.16.2 }

            """, Balancing.Compute([after], [], s_networks).ToChangesFrom(Balancing.Compute([before], [], s_networks)));
    }

    [Fact]
    public void The_order_of_services_and_backends_does_not_matter() => Gen.Select(s_endpoint.Array[0, 8], Gen.Int).Sample((endpoints, seed) =>
    {
        var distinct = endpoints.DistinctBy(e => e.ServiceId).ToArray();
        var shuffled = distinct.OrderBy(e => HashCode.Combine(seed, e.ServiceId)).ToArray();
        return Balancing.Compute(distinct, [], s_networks).ToWhole() == Balancing.Compute(shuffled, [], s_networks).ToWhole();
    });

    [Fact]
    public void Every_verdict_leads_to_a_chain_and_every_chain_is_led_to() => s_ruleset.Sample(rules =>
        rules.Elements.Values.Where(v => v.Length > 0).Select(v => v["goto ".Length..]).Order(StringComparer.Ordinal).SequenceEqual(rules.Chains.Keys));

    [Fact]
    public async Task The_kernel_takes_every_change_and_ends_where_a_fresh_start_would()
    {
        Lab.RequireRoot();
        await using var lab = new Lab();
        var (changed, fresh) = (lab.AddHost(1), lab.AddHost(2));
        s_ruleset.Array[1, 6].Sample(rulesets =>
        {
            Run(changed, rulesets[0].ToWhole());
            for (var i = 1; i < rulesets.Length; i++)
                Run(changed, rulesets[i].ToChangesFrom(rulesets[i - 1]));
            Run(fresh, rulesets[^1].ToWhole());
            return Listing(changed) == Listing(fresh);
        }, iter: 40, threads: 1);
    }

    private static void Run(LabHost host, string commands) => host.Thread.RunAsync(() =>
    {
        using var nftables = new Nftables();
        nftables.Run(commands);
    }).GetAwaiter().GetResult();

    // The kernel keeps chains in order of their making and elements in order of their hashes.
    private static string Listing(LabHost host) => host.Thread.RunAsync(() =>
    {
        using var nftables = new Nftables();
        var blocks = nftables.Run("list ruleset").Replace("\t\t\t     ", " ", StringComparison.Ordinal).Split("\n\n");
        return string.Join('\n', blocks.Select(b => string.Join(' ', b.Split([' ', '\n', '\t', ',', '{', '}'], StringSplitOptions.RemoveEmptyEntries).Order(StringComparer.Ordinal)))
            .Order(StringComparer.Ordinal));
    }).GetAwaiter().GetResult();

    private static ServiceEndpoint Service(string id, int network, string virtualIp, string[] backends)
    {
        var endpoint = new EndpointNetwork { NetworkId = s_networks[network].Network.Id, VirtualIp = virtualIp };
        endpoint.Backends.AddRange(backends.Select(b => new Backend { Address = b }));
        return new ServiceEndpoint { ServiceId = id, Name = id, Networks = { endpoint } };
    }
}
