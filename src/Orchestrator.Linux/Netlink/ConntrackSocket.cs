using System.Buffers.Binary;
using System.Net;

namespace Orchestrator.Linux.Netlink;

/// <summary>The kernel's table of connections, IPv4 UDP ones. It belongs to the network namespace of the thread that opened it.</summary>
public sealed class ConntrackSocket : IDisposable
{
    private const int Netfilter = 12;
    private const ushort Get = 0x101, Delete = 0x102;
    private const ushort TupleOriginal = 1, TupleReply = 2, Filter = 25;
    private const ushort TupleIp = 1, TupleProtocol = 2, IpSource = 1, ProtocolNumber = 1, ProtocolDestinationPort = 3;
    private const ushort FilterOriginal = 1, FilterReply = 2;
    private const uint MatchIpSource = 1, MatchProtocol = 8, MatchDestinationPort = 32;
    private const byte Udp = 17;

    private readonly NetlinkSocket _socket = new(Netfilter);

    private sealed record Flow(byte[] Original, byte Protocol, ushort DestinationPort, IPAddress AnsweredBy);

    /// <returns>How many there were.</returns>
    public int DeleteUdpAnsweredBy(IPAddress address) => DeleteAll(
        Dump()
            .Nest(TupleReply, tuple => tuple
                .Nest(TupleIp, ip => ip.Address(IpSource, address))
                .Nest(TupleProtocol, protocol => protocol.Number(ProtocolNumber, Udp)))
            .Nest(Filter, filter => filter.Number(FilterReply, MatchIpSource | MatchProtocol)),
        flow => flow.AnsweredBy.Equals(address));

    /// <returns>How many there were.</returns>
    public int DeleteUdpSentTo(ushort port) => DeleteAll(
        Dump()
            .Nest(TupleOriginal, tuple => tuple
                .Nest(TupleProtocol, protocol => protocol.Number(ProtocolNumber, Udp).NetworkOrder(ProtocolDestinationPort, port)))
            .Nest(Filter, filter => filter.Number(FilterOriginal, MatchProtocol | MatchDestinationPort)),
        flow => flow.DestinationPort == port);

    public void Dispose() => _socket.Dispose();

    private static NetlinkMessage Dump() => new(Get, NetlinkFlags.Request | NetlinkFlags.Dump, [2, 0, 0, 0]);

    private int DeleteAll(NetlinkMessage dump, Func<Flow, bool> chosen) => _socket.Dump(dump, "list connections", Parse)
        .Where(flow => flow.Protocol == Udp && chosen(flow))
        .Count(flow => _socket.Request(
            new NetlinkMessage(Delete, NetlinkFlags.Request | NetlinkFlags.Acknowledge, [2, 0, 0, 0]).Bytes(TupleOriginal | 0x8000, flow.Original),
            "delete connection", Errno.ENOENT));

    // A kernel before 5.8 ignores the filter and lists all, so everything is looked at again.
    private static Flow? Parse(byte[] payload)
    {
        var original = NetlinkAttributes.Find(payload.AsSpan(4), TupleOriginal);
        var reply = NetlinkAttributes.Find(payload.AsSpan(4), TupleReply);
        var protocol = NetlinkAttributes.Find(original, TupleProtocol);
        var number = NetlinkAttributes.Find(protocol, ProtocolNumber);
        var port = NetlinkAttributes.Find(protocol, ProtocolDestinationPort);
        var source = NetlinkAttributes.Find(NetlinkAttributes.Find(reply, TupleIp), IpSource);
        return number.Length == 1 && port.Length == 2 && source.Length == 4
            ? new Flow(original.ToArray(), number[0], BinaryPrimitives.ReadUInt16BigEndian(port), new IPAddress(source))
            : null;
    }
}
