using System.Net;
using Orchestrator.Linux;
using Orchestrator.Linux.Netlink;

namespace Orchestrator.Engine.Networks;

/// <summary>One VXLAN device per network, and the routes, neighbours and forwarding entries to the peers: one of each per peer and network.</summary>
public sealed class OverlayDevices(RouteSocket route)
{
    /// <summary>Marks our routes in the kernel's table (rtm_protocol).</summary>
    public const byte RouteProtocol = 79;

    public const ushort VxlanPort = 4789;

    private const int VxlanOverhead = 50, EthernetMtu = 1500;

    /// <returns>The MTU of the networks.</returns>
    public int Ensure(NetworkPlan plan)
    {
        Sysctl.Write("net/ipv4/ip_forward", "1");
        Sysctl.Write("net/ipv4/conf/all/send_redirects", "0");
        var links = route.Links();
        var addresses = route.Addresses();
        var underlay = Underlay(plan, links, addresses);
        RemoveOthers(plan, links);
        var devices = plan.Networks.ToDictionary(n => n, n => EnsureDevice(n, plan.BlockIn(n), underlay, links));
        EnsureAddresses(plan, devices, addresses);
        EnsureForwarding(plan, devices);
        EnsureNeighbours(plan, devices);
        EnsureRoutes(plan, devices);
        return underlay.Mtu;
    }

    public void RemoveAll()
    {
        RemoveOthers(null, route.Links());
        foreach (var old in route.Routes(RouteProtocol))
            route.DeleteRoute(old);
    }

    public static int Mtu(NetworkPlan plan, RouteSocket route) => Underlay(plan, route.Links(), route.Addresses()).Mtu;

    private static (IPAddress Local, int Mtu) Underlay(NetworkPlan plan, IReadOnlyList<Link> links, IReadOnlyList<LinkAddress> addresses)
    {
        var own = addresses.FirstOrDefault(a => a.Address.Equals(plan.UnderlayAddress));
        // Behind address translation the advertised address is no interface's: the kernel then chooses the source itself.
        if (own is null || IPAddress.IsLoopback(own.Address))
            return (own?.Address ?? IPAddress.Any, EthernetMtu - VxlanOverhead);
        return (own.Address, links.First(l => l.Index == own.Link).Mtu - VxlanOverhead);
    }

    private void RemoveOthers(NetworkPlan? plan, IReadOnlyList<Link> links)
    {
        var wanted = plan?.Networks.Select(n => Addressing.Device(n.Vni)).ToHashSet() ?? [];
        foreach (var link in links.Where(l => l.Name.StartsWith(Addressing.DevicePrefix, StringComparison.Ordinal) && !wanted.Contains(l.Name)))
            route.DeleteLink(link.Name);
    }

    private int EnsureDevice(ClusterNetwork network, int block, (IPAddress Local, int Mtu) underlay, IReadOnlyList<Link> links)
    {
        var name = Addressing.Device(network.Vni);
        var settings = new VxlanSettings(network.Vni, underlay.Local, VxlanPort);
        var mac = Addressing.NodeMac(network.Vni, block);
        var link = links.FirstOrDefault(l => l.Name == name);
        if (link is not null && (link.Vxlan != settings || link.Mac != mac))
        {
            route.DeleteLink(name);
            link = null;
        }
        if (link is null)
        {
            route.AddVxlan(name, settings, mac, underlay.Mtu);
            link = route.FindLink(name)!;
        }
        HostInterface.Configure(name);
        if (link.Mtu != underlay.Mtu)
            route.SetMtu(link.Index, underlay.Mtu);
        if (!link.Up)
            route.SetUp(link.Index);
        return link.Index;
    }

    private void EnsureAddresses(NetworkPlan plan, Dictionary<ClusterNetwork, int> devices, IReadOnlyList<LinkAddress> found)
    {
        var wanted = devices.Select(d => new LinkAddress(d.Value, Addressing.Gateway(d.Key.Subnet, plan.BlockIn(d.Key)), 32)).ToHashSet();
        foreach (var old in found.Where(a => devices.ContainsValue(a.Link) && !wanted.Contains(a)))
            route.DeleteAddress(old);
        foreach (var address in wanted.Except(found))
            route.AddAddress(address);
    }

    private void EnsureForwarding(NetworkPlan plan, Dictionary<ClusterNetwork, int> devices)
    {
        var wanted = devices.SelectMany(d => plan.PeersIn(d.Key).Select(p =>
            new ForwardingEntry(d.Value, Addressing.NodeMac(d.Key.Vni, p.Block), p.Address))).ToHashSet();
        var found = route.ForwardingEntries();
        foreach (var old in found.Where(e => devices.ContainsValue(e.Link) && !wanted.Contains(e)))
            route.DeleteForwardingEntry(old);
        foreach (var entry in wanted.Except(found))
            route.PutForwardingEntry(entry);
    }

    private void EnsureNeighbours(NetworkPlan plan, Dictionary<ClusterNetwork, int> devices)
    {
        var wanted = devices.SelectMany(d => plan.PeersIn(d.Key).Select(p =>
            new Neighbour(d.Value, Addressing.NextHop(d.Key.Subnet, p.Block), Addressing.NodeMac(d.Key.Vni, p.Block)))).ToHashSet();
        var found = route.Neighbours();
        foreach (var old in found.Where(n => devices.ContainsValue(n.Link) && !wanted.Contains(n)))
            route.DeleteNeighbour(old);
        foreach (var neighbour in wanted.Except(found))
            route.PutNeighbour(neighbour);
    }

    private void EnsureRoutes(NetworkPlan plan, Dictionary<ClusterNetwork, int> devices)
    {
        var wanted = devices.SelectMany(d => Routes(plan, d.Key, d.Value)).ToHashSet();
        var found = route.Routes(RouteProtocol);
        // A /32 is a container's and goes with its interface.
        foreach (var old in found.Where(r => r.Destination.PrefixLength != 32 && !wanted.Contains(r)))
            route.DeleteRoute(old);
        foreach (var missing in wanted.Except(found))
            route.PutRoute(missing);
    }

    private static IEnumerable<Route> Routes(NetworkPlan plan, ClusterNetwork network, int device)
    {
        var gateway = Addressing.Gateway(network.Subnet, plan.BlockIn(network));
        // Whatever is no node's and no container's must not leak to the machine's default route.
        yield return new Route(network.Subnet, 0, Protocol: RouteProtocol);
        // The machine's own packets to a virtual IP need a route before the output hook can rewrite them.
        yield return new Route(Addressing.VirtualIps(network.Subnet), device, Source: gateway, Protocol: RouteProtocol);
        foreach (var peer in plan.PeersIn(network))
            yield return new Route(Addressing.Block(network.Subnet, peer.Block), device, Addressing.NextHop(network.Subnet, peer.Block),
                OnLink: true, Source: gateway, Protocol: RouteProtocol);
    }
}
