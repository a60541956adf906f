using System.Collections.Immutable;
using System.Net;
using System.Net.Sockets;
using Orchestrator.Engine.Networks;
using Orchestrator.Model;

namespace Orchestrator.Agent.Endpoints;

/// <summary>
/// The rules that a machine needs for the cluster's endpoints. A virtual IP or published port costs one element of a map, whose verdict
/// is the chain that chooses a backend: the cost of a new connection does not depend on how many services there are.
/// </summary>
public static class Balancing
{
    public static Ruleset Compute(
        IReadOnlyCollection<ServiceEndpoint> endpoints, IReadOnlyCollection<HostPort> hostPorts, IReadOnlyList<LocalNetwork> networks)
    {
        var rules = new Builder(networks);
        foreach (var network in networks)
            rules.AddNetwork(network);
        foreach (var port in hostPorts.OrderBy(p => p.ContainerAddress.ToString(), StringComparer.Ordinal))
            rules.AddHostPort(port);
        foreach (var endpoint in endpoints.OrderBy(e => e.ServiceId, StringComparer.Ordinal))
            rules.AddService(endpoint);
        return rules.ToRuleset();
    }

    private sealed class Builder(IReadOnlyList<LocalNetwork> networks)
    {
        private readonly Dictionary<string, LocalNetwork> _networks = networks.ToDictionary(n => n.Network.Id);
        private readonly ImmutableSortedDictionary<string, string>.Builder _chains = Ruleset.Empty.Chains.ToBuilder();
        private readonly ImmutableSortedDictionary<Element, string>.Builder _elements = Ruleset.Empty.Elements.ToBuilder();
        private readonly HashSet<IPAddress> _backends = [];

        public Ruleset ToRuleset() => new(_chains.ToImmutable(), _elements.ToImmutable()) { Backends = [.. _backends] };

        /// <summary>Answers must come back through this machine, so what it balanced for a stranger gets its own address as the source.</summary>
        public void AddNetwork(LocalNetwork network)
        {
            var chain = $"network_{network.Network.Vni}";
            _chains[chain] = $"""
                ip saddr . ip daddr @hairpins snat to {network.Gateway}
                ip saddr {network.Network.Subnet} return
                ip daddr . meta l4proto . th dport @kept_sources fib saddr type != local return
                snat to {network.Gateway}
                """;
            _elements[new Element("networks", network.Network.Subnet.BaseAddress.ToString())] = $"goto {chain}";
            _elements[new Element("gateways", network.Gateway.ToString())] = "";
        }

        public void AddHostPort(HostPort port)
        {
            AddPort(port.Protocol, port.Published, port.HostAddress, [port.ContainerAddress], port.Target);
            _elements[new Element("kept_sources", $"{port.ContainerAddress} . {Name(port.Protocol)} . {port.Target}")] = "";
            AddBackend(port.ContainerAddress);
        }

        public void AddService(ServiceEndpoint endpoint)
        {
            var known = endpoint.Networks.Where(n => _networks.ContainsKey(n.NetworkId)).ToArray();
            foreach (var network in known)
                AddVirtualIp(network);
            var outward = known.OrderBy(n => _networks[n.NetworkId].Network.Internal).FirstOrDefault();
            if (outward is null)
                return;
            foreach (var port in endpoint.Ports.Where(p => p.Mode == PortMode.Ingress && p.Published > 0))
                if (TryHostAddress(port.HostIp, out var address))
                    AddPort(port.Protocol, port.Published, address, Backends(outward), port.Target);
        }

        private static bool TryHostAddress(string text, out IPAddress? address)
        {
            address = null;
            if (text.Length == 0 || text == "0.0.0.0" || text == "::")
                return true;
            return IPAddress.TryParse(text, out address) && address.GetAddressBytes().Length == 4;
        }

        private void AddVirtualIp(EndpointNetwork network)
        {
            if (!IPAddress.TryParse(network.VirtualIp, out var address))
                return;
            var backends = Backends(network);
            Route("virtual_ips", "refused_ips", address.ToString(), $"vip_{Underscored(address)}",
                backends.Length == 0 ? null : $"dnat to {Choice(backends, b => $"{b}")}");
        }

        private void AddPort(Protocol protocol, int published, IPAddress? hostAddress, IPAddress[] backends, int target)
        {
            var key = $"{Name(protocol)} . {published}";
            var chain = $"port_{Name(protocol)}_{published}";
            var rule = backends.Length switch
            {
                0 => null,
                1 => $"meta l4proto {Name(protocol)} dnat to {backends[0]}:{target}",
                _ => $"meta l4proto {Name(protocol)} dnat ip to {Choice(backends, b => $"{b} . {target}")}",
            };
            if (hostAddress is null)
                Route("ports", "refused_ports", key, chain, rule);
            else
                Route("address_ports", "refused_address_ports", $"{hostAddress} . {key}", $"{chain}_{Underscored(hostAddress)}", rule);
        }

        // Two services that claim the same address or port: the first has it. The control plane refuses the second.
        private void Route(string map, string refused, string key, string chain, string? rule)
        {
            if (_elements.ContainsKey(new Element(map, key)) || _elements.ContainsKey(new Element(refused, key)))
                return;
            if (rule is null)
            {
                _elements[new Element(refused, key)] = "";
                return;
            }
            _elements[new Element(map, key)] = $"goto {chain}";
            _chains[chain] = rule;
        }

        private IPAddress[] Backends(EndpointNetwork network)
        {
            var addresses = network.Backends.Select(b => IPAddress.TryParse(b.Address, out var address) && address.AddressFamily == AddressFamily.InterNetwork ? address : null)
                .OfType<IPAddress>().Distinct().OrderBy(a => a.ToString(), StringComparer.Ordinal).ToArray();
            foreach (var address in addresses)
                AddBackend(address);
            var first = addresses.Length == 0 ? 0 : Block(_networks[network.NetworkId].Gateway) % addresses.Length;
            // Each node starts its round elsewhere.
            return [.. addresses[first..], .. addresses[..first]];
        }

        // A container that is balanced to itself would answer itself directly, past the machine.
        private void AddBackend(IPAddress address)
        {
            _backends.Add(address);
            if (networks.Any(n => Addressing.Block(n.Network.Subnet, Block(n.Gateway)).Contains(address)))
                _elements[new Element("hairpins", $"{address} . {address}")] = "";
        }

        private static int Block(IPAddress gateway) => gateway.GetAddressBytes()[2];

        private static string Choice(IPAddress[] backends, Func<IPAddress, string> text) => backends.Length == 1
            ? text(backends[0])
            : $"numgen inc mod {backends.Length} map {{ {string.Join(", ", backends.Select((b, i) => $"{i} : {text(b)}"))} }}";

        private static string Underscored(IPAddress address) => address.ToString().Replace('.', '_');

        private static string Name(Protocol protocol) => protocol == Protocol.Udp ? "udp" : "tcp";
    }
}
