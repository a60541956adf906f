using System.Net;

namespace Orchestrator.Linux.Netlink;

public sealed record LinkAddress(int Link, IPAddress Address, int PrefixLength);

/// <summary>An IPv4 route of the main table.</summary>
/// <param name="Link">0: none (unreachable).</param>
/// <param name="Via">Null: on the link itself.</param>
/// <param name="OnLink">The gateway is taken to be on the link although no route says so.</param>
/// <param name="Source">The address that the machine itself sends from; null: as the kernel chooses.</param>
public sealed record Route(IPNetwork Destination, int Link, IPAddress? Via = null, bool OnLink = false, IPAddress? Source = null, byte Protocol = 0)
{
    /// <summary>Nothing is sent there: the sender is told so at once.</summary>
    public bool Unreachable => Link == 0;
}

/// <summary>A permanent neighbour: the address on a link and its MAC.</summary>
public sealed record Neighbour(int Link, IPAddress Address, MacAddress Mac);

/// <summary>A forwarding entry of a VXLAN device: frames to this MAC go to that underlay address.</summary>
public sealed record ForwardingEntry(int Link, MacAddress Mac, IPAddress Remote);

public sealed partial class RouteSocket
{
    private const ushort NewAddress = 20, DeleteAddressType = 21, GetAddress = 22, NewRoute = 24, DeleteRouteType = 25, GetRoute = 26;
    private const ushort NewNeighbour = 28, DeleteNeighbourType = 29, GetNeighbour = 30;
    private const ushort AddressAddress = 1, AddressLocal = 2;
    private const ushort RouteDestination = 1, RouteLink = 4, RouteGateway = 5, RouteSource = 7;
    private const ushort NeighbourDestination = 1, NeighbourMac = 2;
    private const byte Inet = 2, BridgeFamily = 7, MainTable = 254, LinkScope = 253, Unicast = 1, UnreachableType = 7, OnLinkFlag = 4;
    private const ushort Permanent = 0x80, NoArp = 0x40;
    private const byte SelfFlag = 2;

    public IReadOnlyList<LinkAddress> Addresses() =>
        _socket.Dump(new NetlinkMessage(GetAddress, List, [Inet, 0, 0, 0, 0, 0, 0, 0]), "list addresses", ParseAddress);

    /// <summary>False when the link has it already.</summary>
    public bool AddAddress(LinkAddress address) => _socket.Request(AddressMessage(NewAddress, Add, address),
        $"add address {address.Address}/{address.PrefixLength} to link {address.Link}", Errno.EEXIST);

    public bool DeleteAddress(LinkAddress address) => _socket.Request(AddressMessage(DeleteAddressType, Change, address),
        $"delete address {address.Address} of link {address.Link}", 99);

    /// <summary>The IPv4 routes of the main table that carry this protocol number.</summary>
    public IReadOnlyList<Route> Routes(byte protocol)
    {
        byte[] header = [Inet, 0, 0, 0, MainTable, protocol, 0, 0, 0, 0, 0, 0];
        return _socket.Dump(new NetlinkMessage(GetRoute, List, header), "list routes", p => p[5] == protocol && p[4] == MainTable ? ParseRoute(p) : null);
    }

    public void PutRoute(Route route) => _socket.Request(RouteMessage(NewRoute, Put, route), $"put route to {route.Destination}");

    public bool DeleteRoute(Route route) =>
        _socket.Request(RouteMessage(DeleteRouteType, Change, route), $"delete route to {route.Destination}", Errno.ESRCH);

    public IReadOnlyList<Neighbour> Neighbours() => _socket.Dump(
        new NetlinkMessage(GetNeighbour, List, NeighbourHeader(Inet, 0, 0, 0)), "list neighbours", ParseNeighbour);

    public void PutNeighbour(Neighbour neighbour) => _socket.Request(
        NeighbourMessage(NewNeighbour, Put, neighbour).Mac(NeighbourMac, neighbour.Mac), $"put neighbour {neighbour.Address}");

    public bool DeleteNeighbour(Neighbour neighbour) => _socket.Request(
        NeighbourMessage(DeleteNeighbourType, Change, neighbour), $"delete neighbour {neighbour.Address}", Errno.ENOENT);

    public IReadOnlyList<ForwardingEntry> ForwardingEntries() => _socket.Dump(
        new NetlinkMessage(GetNeighbour, List, NeighbourHeader(BridgeFamily, 0, 0, 0)), "list forwarding entries", ParseForwardingEntry);

    public void PutForwardingEntry(ForwardingEntry entry) =>
        _socket.Request(ForwardingMessage(NewNeighbour, Put, entry), $"put forwarding entry to {entry.Remote}");

    public bool DeleteForwardingEntry(ForwardingEntry entry) =>
        _socket.Request(ForwardingMessage(DeleteNeighbourType, Change, entry), $"delete forwarding entry to {entry.Remote}", Errno.ENOENT);

    private static NetlinkMessage AddressMessage(ushort type, NetlinkFlags flags, LinkAddress address)
    {
        var header = new byte[8];
        header[0] = Inet;
        header[1] = (byte)address.PrefixLength;
        BitConverter.TryWriteBytes(header.AsSpan(4), address.Link);
        return new NetlinkMessage(type, flags, header).Address(AddressLocal, address.Address).Address(AddressAddress, address.Address);
    }

    private static LinkAddress? ParseAddress(byte[] payload)
    {
        var local = NetlinkAttributes.Find(payload.AsSpan(8), AddressLocal);
        return payload[0] == Inet && local.Length == 4 ? new LinkAddress(BitConverter.ToInt32(payload, 4), new IPAddress(local), payload[1]) : null;
    }

    private static NetlinkMessage RouteMessage(ushort type, NetlinkFlags flags, Route route)
    {
        var header = new byte[12];
        header[0] = Inet;
        header[1] = (byte)route.Destination.PrefixLength;
        header[4] = MainTable;
        header[5] = route.Protocol;
        header[6] = route.Via is null && !route.Unreachable ? LinkScope : (byte)0;
        header[7] = route.Unreachable ? UnreachableType : Unicast;
        header[8] = route.OnLink ? OnLinkFlag : (byte)0;
        var message = new NetlinkMessage(type, flags, header).Address(RouteDestination, route.Destination.BaseAddress);
        if (!route.Unreachable)
            message.Number(RouteLink, (uint)route.Link);
        if (route.Via is { } via)
            message.Address(RouteGateway, via);
        if (route.Source is { } source)
            message.Address(RouteSource, source);
        return message;
    }

    private static Route ParseRoute(byte[] payload)
    {
        var destination = IPAddress.Any;
        var route = new Route(default, 0, OnLink: (payload[8] & OnLinkFlag) != 0, Protocol: payload[5]);
        foreach (var attribute in new NetlinkAttributes(payload.AsSpan(12)))
        {
            if (attribute.Type == RouteDestination)
                destination = attribute.Address;
            route = attribute.Type switch
            {
                RouteLink when payload[7] == Unicast => route with { Link = (int)attribute.Number },
                RouteGateway => route with { Via = attribute.Address },
                RouteSource => route with { Source = attribute.Address },
                _ => route,
            };
        }
        return route with { Destination = new IPNetwork(destination, payload[1]) };
    }

    private static byte[] NeighbourHeader(byte family, int link, ushort state, byte flags)
    {
        var header = new byte[12];
        header[0] = family;
        BitConverter.TryWriteBytes(header.AsSpan(4), link);
        BitConverter.TryWriteBytes(header.AsSpan(8), state);
        header[10] = flags;
        return header;
    }

    private static NetlinkMessage NeighbourMessage(ushort type, NetlinkFlags flags, Neighbour neighbour) =>
        new NetlinkMessage(type, flags, NeighbourHeader(Inet, neighbour.Link, Permanent, 0)).Address(NeighbourDestination, neighbour.Address);

    private static NetlinkMessage ForwardingMessage(ushort type, NetlinkFlags flags, ForwardingEntry entry) =>
        new NetlinkMessage(type, flags, NeighbourHeader(BridgeFamily, entry.Link, Permanent | NoArp, SelfFlag))
            .Mac(NeighbourMac, entry.Mac).Address(NeighbourDestination, entry.Remote);

    private static Neighbour? ParseNeighbour(byte[] payload)
    {
        var address = NetlinkAttributes.Find(payload.AsSpan(12), NeighbourDestination);
        var mac = NetlinkAttributes.Find(payload.AsSpan(12), NeighbourMac);
        var permanent = (BitConverter.ToUInt16(payload, 8) & Permanent) != 0;
        return permanent && address.Length == 4 && mac.Length == 6
            ? new Neighbour(BitConverter.ToInt32(payload, 4), new IPAddress(address), MacAddress.FromBytes(mac))
            : null;
    }

    private static ForwardingEntry? ParseForwardingEntry(byte[] payload)
    {
        var remote = NetlinkAttributes.Find(payload.AsSpan(12), NeighbourDestination);
        var mac = NetlinkAttributes.Find(payload.AsSpan(12), NeighbourMac);
        return remote.Length == 4 && mac.Length == 6
            ? new ForwardingEntry(BitConverter.ToInt32(payload, 4), MacAddress.FromBytes(mac), new IPAddress(remote))
            : null;
    }
}
