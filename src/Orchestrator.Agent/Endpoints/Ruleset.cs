using System.Collections.Immutable;
using System.Globalization;
using System.Net;
using System.Text;

namespace Orchestrator.Agent.Endpoints;

/// <summary>
/// What changes in the nftables table: its chains and the elements of its maps and sets. All else in the table is constant.
/// </summary>
/// <param name="Chains">Name to rules, one a line.</param>
/// <param name="Elements">Map or set, and key, to value; the value is empty in a set.</param>
public sealed record Ruleset(ImmutableSortedDictionary<string, string> Chains, ImmutableSortedDictionary<Element, string> Elements)
{
    public const string Table = "orchestrator";

    // What a program asked for is looked up before it is rewritten, so the refusals come just before the balancer.
    private const string Constant = $$"""
        table ip {{Table}} {
          map virtual_ips { type ipv4_addr : verdict; }
          map ports { type inet_proto . inet_service : verdict; }
          map address_ports { type ipv4_addr . inet_proto . inet_service : verdict; }
          map networks { type ipv4_addr : verdict; }
          set refused_ips { type ipv4_addr; }
          set refused_ports { type inet_proto . inet_service; }
          set refused_address_ports { type ipv4_addr . inet_proto . inet_service; }
          set gateways { type ipv4_addr; }
          set hairpins { type ipv4_addr . ipv4_addr; }
          set kept_sources { type ipv4_addr . inet_proto . inet_service; }
          chain refuse {
            meta l4proto tcp reject with tcp reset
            reject
          }
          chain refuse_port {
            ip daddr . meta l4proto . th dport @refused_address_ports goto refuse
            meta l4proto . th dport @refused_ports goto refuse
          }
          chain refusing {
            ip daddr @refused_ips goto refuse
            ip daddr != @gateways meta l4proto { tcp, udp } fib daddr type local goto refuse_port
          }
          chain balance_port {
            ip daddr . meta l4proto . th dport vmap @address_ports
            meta l4proto . th dport vmap @ports
          }
          chain balancing {
            ip daddr vmap @virtual_ips
            ip daddr != @gateways meta l4proto { tcp, udp } fib daddr type local goto balance_port
          }
          chain refuse_forwarded { type filter hook prerouting priority -110; ct state new jump refusing; }
          chain refuse_own { type filter hook output priority -110; ct state new jump refusing; }
          chain balance_forwarded { type nat hook prerouting priority dstnat; jump balancing; }
          chain balance_own { type nat hook output priority -100; jump balancing; }
          chain answer_here { type nat hook postrouting priority srcnat; ct status dnat ip daddr & 255.255.0.0 vmap @networks; }
        }

        """;

    /// <summary>Every address that something is balanced to.</summary>
    public ImmutableHashSet<IPAddress> Backends { get; init; } = [];

    public static Ruleset Empty { get; } = new(
        ImmutableSortedDictionary.Create<string, string>(StringComparer.Ordinal), ImmutableSortedDictionary<Element, string>.Empty);

    /// <summary>Published UDP ports that have a backend.</summary>
    public IEnumerable<ushort> UdpPorts => Elements.Keys.Where(e => e.Set is "ports" or "address_ports" && e.Key.Contains("udp", StringComparison.Ordinal))
        .Select(e => ushort.Parse(e.Key[(e.Key.LastIndexOf(' ') + 1)..], CultureInfo.InvariantCulture)).Distinct();

    /// <summary>One transaction that replaces the table, whatever it holds. Connections live on: the kernel keeps their translation apart.</summary>
    public string ToWhole() => $"add table ip {Table}\ndelete table ip {Table}\n{Constant}{ToChangesFrom(Empty)}";

    /// <summary>One transaction from an older ruleset to this; empty when they are equal.</summary>
    public string ToChangesFrom(Ruleset old)
    {
        var text = new StringBuilder();
        AppendChains(text, old);
        AppendElements(text, "delete", old.Elements.Where(e => !Elements.TryGetValue(e.Key, out var value) || value != e.Value));
        AppendElements(text, "add", Elements.Where(e => !old.Elements.TryGetValue(e.Key, out var value) || value != e.Value));
        foreach (var name in old.Chains.Keys.Where(name => !Chains.ContainsKey(name)))
            text.Append($"delete chain ip {Table} {name}\n");
        return text.ToString();
    }

    private void AppendChains(StringBuilder text, Ruleset old)
    {
        foreach (var (name, rules) in Chains)
        {
            if (!old.Chains.TryGetValue(name, out var before))
                text.Append($"add chain ip {Table} {name}\n");
            else if (before == rules)
                continue;
            else
                text.Append($"flush chain ip {Table} {name}\n");
            foreach (var rule in rules.Split('\n'))
                text.Append($"add rule ip {Table} {name} {rule}\n");
        }
    }

    private static void AppendElements(StringBuilder text, string verb, IEnumerable<KeyValuePair<Element, string>> elements)
    {
        foreach (var group in elements.GroupBy(e => e.Key.Set))
            text.Append($"{verb} element ip {Table} {group.Key} {{ {string.Join(", ", group.Select(e => ToText(e.Key.Key, e.Value)))} }}\n");
    }

    private static string ToText(string key, string value) => value.Length == 0 ? key : $"{key} : {value}";
}

/// <summary>A key in a map or set of the table.</summary>
public readonly record struct Element(string Set, string Key) : IComparable<Element>
{
    public int CompareTo(Element other) =>
        string.CompareOrdinal(Set, other.Set) is not 0 and var order ? order : string.CompareOrdinal(Key, other.Key);

    public static bool operator <(Element left, Element right) => left.CompareTo(right) < 0;

    public static bool operator >(Element left, Element right) => left.CompareTo(right) > 0;

    public static bool operator <=(Element left, Element right) => left.CompareTo(right) <= 0;

    public static bool operator >=(Element left, Element right) => left.CompareTo(right) >= 0;
}
