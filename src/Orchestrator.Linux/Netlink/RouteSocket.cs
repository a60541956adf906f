using System.Net;
using System.Runtime.InteropServices;

namespace Orchestrator.Linux.Netlink;

/// <summary>A network device.</summary>
/// <param name="Kind">As in <c>ip link add type</c>: bridge, veth, vxlan; empty for hardware.</param>
/// <param name="Running">It has a carrier and sends; the kernel gets there a moment after both ends of a veth pair are up.</param>
public sealed record Link(int Index, string Name, string Kind, bool Up, int Mtu, MacAddress Mac, VxlanSettings? Vxlan, bool Running = false);

/// <param name="Local">The underlay address that packets are sent from.</param>
/// <param name="Port">UDP, on both sides.</param>
public sealed record VxlanSettings(uint Vni, IPAddress Local, ushort Port);

/// <summary>One end of a veth pair.</summary>
/// <param name="Namespace">Where this end goes; null: the namespace of the socket.</param>
/// <param name="Index">The link's number in its namespace; 0: the kernel chooses.</param>
public sealed record VethEnd(string Name, MacAddress Mac, SafeHandle? Namespace = null, int Index = 0);

/// <summary>Links, addresses, routes and neighbours of one network namespace (rtnetlink).</summary>
public sealed partial class RouteSocket : IDisposable
{
    private const ushort NewLink = 16, DeleteLinkType = 17, GetLink = 18;
    private const ushort LinkMac = 1, LinkName = 3, LinkMtu = 4, LinkMaster = 10, LinkState = 16, LinkInfo = 18, LinkNamespace = 28, LinkExtent = 29;
    private const ushort InfoKind = 1, InfoData = 2, VethPeer = 1;
    private const ushort VxlanId = 1, VxlanLocal = 4, VxlanLearning = 7, VxlanPort = 15;
    private const uint UpFlag = 1, WithoutCounters = 8;
    private const byte StateUp = 6;
    private const NetlinkFlags Add = NetlinkFlags.Request | NetlinkFlags.Acknowledge | NetlinkFlags.Create | NetlinkFlags.Exclusive;
    private const NetlinkFlags Put = NetlinkFlags.Request | NetlinkFlags.Acknowledge | NetlinkFlags.Create | NetlinkFlags.Replace;
    private const NetlinkFlags Change = NetlinkFlags.Request | NetlinkFlags.Acknowledge;
    private const NetlinkFlags List = NetlinkFlags.Request | NetlinkFlags.Dump;

    private readonly NetlinkSocket _socket = new(0);

    public IReadOnlyList<Link> Links() =>
        _socket.Dump(new NetlinkMessage(GetLink, List, LinkHeader()).Number(LinkExtent, WithoutCounters), "list links", ParseLink);

    public Link? FindLink(string name) => _socket.Get(
        new NetlinkMessage(GetLink, NetlinkFlags.Request, LinkHeader()).Text(LinkName, name).Number(LinkExtent, WithoutCounters),
        $"find link {name}", ParseLink, Errno.ENODEV);

    /// <summary>Sends what <paramref name="requests"/> asks for at once. Nothing may be read in it, and its answers mean nothing.</summary>
    /// <exception cref="LinuxException">The first that the kernel refused; those after it are carried out all the same.</exception>
    public void Together(Action requests) => _socket.Together(requests);

    public void AddBridge(string name, MacAddress mac, int mtu) => _socket.Request(
        NewLinkMessage(name, mac, mtu).Nest(LinkInfo, info => info.Text(InfoKind, "bridge")), $"add bridge {name}");

    /// <summary>A pair of devices, each the other's far end. Both are down at first.</summary>
    /// <returns>False when there is a device of the first name already.</returns>
    public bool AddVeth(VethEnd one, VethEnd other, int mtu) => _socket.Request(
        Place(NewLinkMessage(one.Name, one.Mac, mtu), one).Nest(LinkInfo, info => info
            .Text(InfoKind, "veth")
            .Nest(InfoData, data => data.Nest(VethPeer, peer => Place(
                peer.Raw(LinkHeader(other.Index)).Text(LinkName, other.Name).Mac(LinkMac, other.Mac).Number(LinkMtu, (uint)mtu), other)))),
        $"add veth {one.Name}", Errno.EEXIST);

    /// <summary>A VXLAN device that learns nothing and floods nothing: it reaches only what its forwarding entries name.</summary>
    public void AddVxlan(string name, VxlanSettings settings, MacAddress mac, int mtu) => _socket.Request(
        NewLinkMessage(name, mac, mtu).Nest(LinkInfo, info => info
            .Text(InfoKind, "vxlan")
            .Nest(InfoData, data => data
                .Number(VxlanId, settings.Vni)
                .Address(VxlanLocal, settings.Local)
                .Number(VxlanLearning, (byte)0)
                .NetworkOrder(VxlanPort, settings.Port))),
        $"add vxlan {name}");

    public void SetUp(int link) => _socket.Request(new NetlinkMessage(NewLink, Change, LinkHeader(link, UpFlag, UpFlag)), $"set link {link} up");

    public void SetMtu(int link, int mtu) =>
        _socket.Request(new NetlinkMessage(NewLink, Change, LinkHeader(link)).Number(LinkMtu, (uint)mtu), $"set mtu of link {link} to {mtu}");

    /// <summary>Makes a link a port of a bridge.</summary>
    public void SetMaster(int link, int bridge) =>
        _socket.Request(new NetlinkMessage(NewLink, Change, LinkHeader(link)).Number(LinkMaster, (uint)bridge), $"put link {link} on bridge {bridge}");

    /// <summary>Gives a link to another network namespace, under a name that must be free there.</summary>
    public void MoveLink(int link, SafeHandle ns, string name) => _socket.Request(
        new NetlinkMessage(NewLink, Change, LinkHeader(link)).Number(LinkNamespace, (uint)ns.DangerousGetHandle()).Text(LinkName, name),
        $"move link {link} as {name}");

    /// <summary>False when there was none.</summary>
    public bool DeleteLink(string name) => _socket.Request(
        new NetlinkMessage(DeleteLinkType, Change, LinkHeader()).Text(LinkName, name), $"delete link {name}", Errno.ENODEV);

    public void Dispose() => _socket.Dispose();

    private static NetlinkMessage NewLinkMessage(string name, MacAddress mac, int mtu) =>
        new NetlinkMessage(NewLink, Add, LinkHeader()).Text(LinkName, name).Mac(LinkMac, mac).Number(LinkMtu, (uint)mtu);

    private static NetlinkMessage Place(NetlinkMessage message, VethEnd end) =>
        end.Namespace is { } ns ? message.Number(LinkNamespace, (uint)ns.DangerousGetHandle()) : message;

    private static byte[] LinkHeader(int index = 0, uint flags = 0, uint change = 0)
    {
        var header = new byte[16];
        BitConverter.TryWriteBytes(header.AsSpan(4), index);
        BitConverter.TryWriteBytes(header.AsSpan(8), flags);
        BitConverter.TryWriteBytes(header.AsSpan(12), change);
        return header;
    }

    private static Link ParseLink(byte[] payload)
    {
        var link = new Link(BitConverter.ToInt32(payload, 4), "", "", (BitConverter.ToUInt32(payload, 8) & UpFlag) != 0, 0, default, null);
        foreach (var attribute in new NetlinkAttributes(payload.AsSpan(16)))
            link = attribute.Type switch
            {
                LinkName => link with { Name = attribute.Text },
                LinkMtu => link with { Mtu = (int)attribute.Number },
                LinkMac => link with { Mac = attribute.Mac },
                LinkState => link with { Running = attribute.Value[0] == StateUp },
                LinkInfo => ParseKind(link, attribute.Value),
                _ => link,
            };
        return link;
    }

    private static Link ParseKind(Link link, ReadOnlySpan<byte> info)
    {
        var kind = new NetlinkAttribute(InfoKind, NetlinkAttributes.Find(info, InfoKind)).Text;
        return link with { Kind = kind, Vxlan = kind == "vxlan" ? ParseVxlan(NetlinkAttributes.Find(info, InfoData)) : null };
    }

    private static VxlanSettings ParseVxlan(ReadOnlySpan<byte> data)
    {
        var settings = new VxlanSettings(0, IPAddress.Any, 0);
        foreach (var attribute in new NetlinkAttributes(data))
            settings = attribute.Type switch
            {
                VxlanId => settings with { Vni = attribute.Number },
                VxlanLocal => settings with { Local = attribute.Address },
                VxlanPort => settings with { Port = attribute.NetworkOrder },
                _ => settings,
            };
        return settings;
    }
}
