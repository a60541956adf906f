using System.Collections.Frozen;
using System.Net;
using Orchestrator.Model;

namespace Orchestrator.Agent.Endpoints;

/// <summary>The names of all services, by network: what a container may ask for depends on the networks it is on.</summary>
public sealed class DnsZone
{
    private readonly FrozenDictionary<(string Network, string Name), IPAddress[]> _addresses;
    private readonly FrozenDictionary<(string Network, IPAddress Address), string> _names;

    public DnsZone(IReadOnlyCollection<ServiceEndpoint> endpoints)
    {
        var entries = endpoints.SelectMany(e => e.Networks.SelectMany(n => Entries(e, n))).ToArray();
        _addresses = entries.GroupBy(e => (e.Network, e.Name)).ToFrozenDictionary(g => g.Key, g => g.SelectMany(e => e.Addresses).Distinct().ToArray());
        _names = endpoints.SelectMany(e => e.Networks.SelectMany(n => All(n).Select(a => (Key: (n.NetworkId, a), Name: $"{e.Name}.{e.Stack}"))))
            .DistinctBy(p => p.Key).ToFrozenDictionary(p => p.Key, p => p.Name);
    }

    /// <summary>The addresses of a name on any of these networks; null when none of them knows it.</summary>
    public IReadOnlyList<IPAddress>? Find(string name, IEnumerable<string> networks)
    {
        List<IPAddress>? found = null;
        foreach (var network in networks)
            if (_addresses.TryGetValue((network, name), out var addresses))
                (found ??= []).AddRange(addresses);
        return found;
    }

    /// <summary>The service that an address belongs to, as service.stack.</summary>
    public string? Find(IPAddress address, IEnumerable<string> networks) =>
        networks.Select(n => _names.GetValueOrDefault((n, address))).FirstOrDefault(name => name is not null);

    private static IEnumerable<(string Network, string Name, IPAddress[] Addresses)> Entries(ServiceEndpoint endpoint, EndpointNetwork network)
    {
        var replicas = Parse(network.Backends.Select(b => b.Address));
        foreach (var name in new[] { endpoint.Name, $"{endpoint.Name}.{endpoint.Stack}" }.Concat(network.Aliases).Select(n => n.ToLowerInvariant()).Distinct())
        {
            yield return (network.NetworkId, name, Parse([network.VirtualIp]));
            yield return (network.NetworkId, $"tasks.{name}", replicas);
        }
    }

    private static IPAddress[] All(EndpointNetwork network) => Parse([network.VirtualIp, .. network.Backends.Select(b => b.Address)]);

    private static IPAddress[] Parse(IEnumerable<string> texts) =>
        [.. texts.Select(t => IPAddress.TryParse(t, out var address) ? address : null).OfType<IPAddress>()];
}
