using System.Net;
using System.Net.NetworkInformation;
using System.Net.Sockets;

namespace Orchestrator.Engine.Networks;

/// <summary>The network of this machine's own containers: made like a cluster's, but without peers.</summary>
public static class MachineNetwork
{
    public const string Id = "machine";

    /// <summary>Just below those that a cluster gives out.</summary>
    private const uint Vni = 4096;

    private static readonly IPNetwork[] s_subnets =
        [.. new[] { "172.30.0.0/16", "172.29.0.0/16", "172.28.0.0/16", "172.27.0.0/16", "192.168.0.0/16", "10.130.0.0/16", "10.131.0.0/16" }.Select(s => IPNetwork.Parse(s))];

    /// <param name="before">The networks that the machine had: what its containers have addresses of is kept.</param>
    /// <returns>Null when every subnet of the choice is another network's already.</returns>
    public static ClusterNetwork? Choose(IEnumerable<ClusterNetwork> before, IReadOnlyCollection<ClusterNetwork> others)
    {
        if (before.FirstOrDefault(n => n.IsLocal) is { } known && others.All(o => !Overlap(o.Subnet, known.Subnet)))
            return known;
        var own = NetworkInterface.GetAllNetworkInterfaces().SelectMany(i => i.GetIPProperties().UnicastAddresses)
            .Where(a => a.Address.AddressFamily == AddressFamily.InterNetwork).Select(a => a.Address).ToList();
        return s_subnets.Where(s => !own.Any(s.Contains) && others.All(o => !Overlap(o.Subnet, s)))
            .Select(s => new ClusterNetwork(Id, Vni, s, Internal: false, IsLocal: true)).FirstOrDefault();
    }

    private static bool Overlap(IPNetwork one, IPNetwork other) => one.Contains(other.BaseAddress) || other.Contains(one.BaseAddress);
}
