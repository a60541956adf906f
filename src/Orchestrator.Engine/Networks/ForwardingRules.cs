using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Orchestrator.Linux;

namespace Orchestrator.Engine.Networks;

/// <summary>
/// The nftables table that keeps networks apart, hides containers from the outside and masquerades what they send there. Isolation is
/// decided before any address is rewritten: what a program asked for counts, not where the balancer sends it.
/// </summary>
internal static class ForwardingRules
{
    public const string Table = "orchestrator_networks";

    /// <summary>Replaces the table in one transaction unless the kernel has exactly this one.</summary>
    public static void Ensure(Nftables nftables, NetworkPlan plan)
    {
        var rules = Compute(plan);
        var mark = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(rules)))[..16];
        if (Has(nftables, mark))
            return;
        nftables.Run($"add table ip {Table}\ndelete table ip {Table}\nadd table ip {Table} {{ comment \"{mark}\"; }}\n{rules}");
    }

    public static void RemoveAll(Nftables nftables) => nftables.Run($"add table ip {Table}\ndelete table ip {Table}\n");

    /// <summary>The table's content, in nft's own language.</summary>
    public static string Compute(NetworkPlan plan)
    {
        var networks = plan.Networks.OrderBy(n => n.Vni).ToArray();
        return $$"""
            table ip {{Table}} {
              set networks { type ipv4_addr; flags interval; {{Elements(networks.Select(n => n.Subnet.ToString()))}} }
              set virtual_ips { type ipv4_addr; flags interval; {{Elements(networks.Select(n => Addressing.VirtualIps(n.Subnet).ToString()))}} }
              set peers { type ipv4_addr; {{Elements(plan.Peers.Select(p => p.Address.ToString()).Distinct().Order(StringComparer.Ordinal))}} }
            {{string.Concat(networks.Select(FromNetwork))}}
              map sources { type ipv4_addr : verdict; flags interval; {{Elements(networks.Select(n => $"{n.Subnet} : goto from_{n.Vni}"))}} }
              chain prerouting {
                type filter hook prerouting priority mangle;
                iifname "orc*" ip daddr 127.0.0.0/8 drop
                iifname "{{Addressing.VethPrefix}}*" fib saddr . iif oif missing drop
                ct state established,related accept
                iifname "orc*" ip saddr vmap @sources
                iifname != "lo" iifname != "orc*" ip daddr @networks drop
              }
              chain forward {
                type filter hook forward priority filter;
                ip daddr @virtual_ips reject with icmp host-unreachable
              }
              chain output {
                type filter hook output priority filter;
                ip daddr @virtual_ips reject with icmp host-unreachable
              }
              chain postrouting {
                type nat hook postrouting priority srcnat;
                oifname != "lo" oifname != "orc*" ip saddr @networks masquerade
              }
            {{Underlay(networks)}}
            }

            """;
    }

    private static bool Has(Nftables nftables, string mark)
    {
        // Only the list of tables is read: it is short, whatever else the machine filters.
        if (!nftables.Run("list tables ip").Contains($"table ip {Table}\n", StringComparison.Ordinal))
            return false;
        return nftables.Run($"list table ip {Table}").Contains(mark, StringComparison.Ordinal);
    }

    private static string FromNetwork(ClusterNetwork network) => $$"""
              chain from_{{network.Vni}} {
                ip daddr {{network.Subnet}} return
                ip daddr @networks drop
                {{(network.Internal ? "fib daddr type != local drop" : "return")}}
              }

        """;

    // Encapsulated packets of our networks come from peers alone, and need no connection tracking of their own.
    private static string Underlay(ClusterNetwork[] networks)
    {
        var shared = networks.Where(n => !n.IsLocal).ToArray();
        var alone = string.Concat(networks.Where(n => n.IsLocal).Select(n => $"    udp dport {OverlayDevices.VxlanPort} @th,96,24 {n.Vni} drop\n"));
        if (shared.Length == 0)
            return alone.Length == 0 ? "" : $"  chain input {{ type filter hook input priority filter;\n{alone}  }}";
        var ours = $"udp dport {OverlayDevices.VxlanPort} @th,96,24 {{ {string.Join(", ", shared.Select(n => n.Vni.ToString(CultureInfo.InvariantCulture)))} }}";
        return $$"""
              chain underlay_in { type filter hook prerouting priority raw; {{ours}} notrack; }
              chain underlay_out { type filter hook output priority raw; {{ours}} notrack; }
              chain input { type filter hook input priority filter; {{ours}} ip saddr != @peers drop;
            {{alone}}  }
            """;
    }

    private static string Elements(IEnumerable<string> elements)
    {
        var all = string.Join(", ", elements);
        return all.Length == 0 ? "" : $"elements = {{ {all} }}";
    }
}
