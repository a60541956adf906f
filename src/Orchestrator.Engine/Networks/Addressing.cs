using System.Buffers.Binary;
using System.Net;
using System.Security.Cryptography;
using System.Text;
using Orchestrator.Linux.Netlink;

namespace Orchestrator.Engine.Networks;

/// <summary>Every address, MAC and device name follows from network, node block and container: nothing to agree on between nodes.</summary>
public static class Addressing
{
    public const int FirstNodeBlock = 16, LastBlock = 255;

    public const string DevicePrefix = "orc-vx", VethPrefix = "orcv";

    public static string Device(uint vni) => $"{DevicePrefix}{vni}";

    /// <summary>The machine's end of the cable into a container.</summary>
    public static string Veth(string containerId, string networkId)
    {
        var hash = SHA256.HashData(Encoding.UTF8.GetBytes($"{containerId}\n{networkId}"));
        return VethPrefix + Convert.ToHexStringLower(hash)[..11];
    }

    /// <summary>A node's part of a network.</summary>
    public static IPNetwork Block(IPNetwork subnet, int block) => new(Address(subnet, block, 0), 24);

    public static IPAddress Gateway(IPNetwork subnet, int block) => Address(subnet, block, 1);

    /// <summary>The next hop that stands for a node in its peers' routes; no machine carries it.</summary>
    public static IPAddress NextHop(IPNetwork subnet, int block) => Address(subnet, block, 0);

    public static IPNetwork VirtualIps(IPNetwork subnet) => new(subnet.BaseAddress, 20);

    public static IPAddress Address(IPNetwork subnet, int block, int host)
    {
        var bytes = subnet.BaseAddress.GetAddressBytes();
        return new IPAddress([bytes[0], bytes[1], (byte)block, (byte)host]);
    }

    public static MacAddress NodeMac(uint vni, int block) => new(0x0E58_0000_0000UL | ((ulong)(vni & 0xFFFFFF) << 8) | (uint)block);

    public static MacAddress ContainerMac(IPAddress address) =>
        new(0x0A58_0000_0000UL | BinaryPrimitives.ReadUInt32BigEndian(address.GetAddressBytes()));

    /// <summary>Says what is wrong with a plan; null when it can be carried out.</summary>
    public static string? Refusal(NetworkPlan plan)
    {
        if (plan.Block is < FirstNodeBlock or > LastBlock && plan.Networks.Any(n => !n.IsLocal))
            return $"node block {plan.Block} is not within {FirstNodeBlock}..{LastBlock}";
        if (plan.Networks.FirstOrDefault(n => n.Subnet.PrefixLength != 16 || n.Subnet.BaseAddress.GetAddressBytes().Length != 4) is { } odd)
            return $"network {odd.Id}: subnet {odd.Subnet} is not an IPv4 /16";
        if (plan.Networks.FirstOrDefault(n => n.Vni is 0 or > 0xFFFFFF) is { } far)
            return $"network {far.Id}: VXLAN identifier {far.Vni} is not within 1..16777215";
        var twice = plan.Networks.GroupBy(n => n.Vni).Concat<IEnumerable<ClusterNetwork>>(plan.Networks.GroupBy(n => n.Subnet)).FirstOrDefault(g => g.Count() > 1);
        return twice is null ? null : $"networks {string.Join(" and ", twice.Select(n => n.Id))} have the same subnet or VXLAN identifier";
    }
}
