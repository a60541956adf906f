using System.Net;

namespace Orchestrator.Engine.Networks;

/// <param name="DataDirectory">Keeps which container has which addresses.</param>
/// <param name="RunDirectory">Network namespaces are at RunDirectory/netns/ID.</param>
public sealed record NetworkOptions(string DataDirectory, string RunDirectory);

/// <summary>All networks that this machine takes part in.</summary>
/// <param name="Block">This node's block (16..255): its containers get addresses of the block-th /24 of each network.</param>
/// <param name="UnderlayAddress">This machine's address that peers send VXLAN to.</param>
public sealed record NetworkPlan(int Block, IPAddress UnderlayAddress, IReadOnlyList<ClusterNetwork> Networks, IReadOnlyList<NetworkPeer> Peers)
{
    /// <summary>A network of this machine alone has the same block whatever the cluster gives to the node.</summary>
    internal int BlockIn(ClusterNetwork network) => network.IsLocal ? Addressing.FirstNodeBlock : Block;

    internal IReadOnlyList<NetworkPeer> PeersIn(ClusterNetwork network) => network.IsLocal ? [] : Peers;
}

/// <param name="Subnet">A /16; its blocks 0..15 hold virtual IPs.</param>
/// <param name="Internal">No way out of the cluster.</param>
/// <param name="IsLocal">Of this machine alone: no peer takes part in it.</param>
public sealed record ClusterNetwork(string Id, uint Vni, IPNetwork Subnet, bool Internal, bool IsLocal = false);

/// <summary>Another node: where its VXLAN endpoint is and which block it owns.</summary>
public sealed record NetworkPeer(IPAddress Address, int Block);

/// <summary>A network as it is on this machine.</summary>
/// <param name="Gateway">This node's address in the network: its containers' gateway and DNS server.</param>
/// <param name="Device">The VXLAN device, which carries the gateway address.</param>
public sealed record LocalNetwork(ClusterNetwork Network, IPAddress Gateway, string Device);

/// <param name="Addresses">By network id. Interface eth0 has the first network's, eth1 the second's.</param>
/// <param name="DnsServer">The gateway of the first network; null without networks.</param>
public sealed record Attachment(string ContainerId, string NetnsPath, IReadOnlyDictionary<string, IPAddress> Addresses, IPAddress? DnsServer);
