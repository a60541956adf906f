using System.Buffers.Binary;
using System.Net;
using System.Text;

namespace Orchestrator.Linux.Netlink;

[Flags]
public enum NetlinkFlags : ushort
{
    None = 0,
    Request = 0x1,
    Acknowledge = 0x4,
    Replace = 0x100,
    Exclusive = 0x200,
    Dump = 0x300,
    Create = 0x400,
}

/// <summary>One request: nlmsghdr, the family's fixed header, attributes. Numbers are in the machine's order, as netlink wants them.</summary>
public sealed class NetlinkMessage
{
    private const int HeaderLength = 16;
    private const ushort NestedFlag = 0x8000;

    private byte[] _buffer = new byte[256];
    private int _length = HeaderLength;

    public NetlinkMessage(ushort type, NetlinkFlags flags, ReadOnlySpan<byte> familyHeader)
    {
        Type = type;
        Flags = flags;
        familyHeader.CopyTo(Grow(familyHeader.Length));
    }

    public ushort Type { get; }

    public NetlinkFlags Flags { get; }

    public NetlinkMessage Bytes(ushort attribute, ReadOnlySpan<byte> value)
    {
        var space = Grow(4 + value.Length);
        BitConverter.TryWriteBytes(space, (ushort)(4 + value.Length));
        BitConverter.TryWriteBytes(space[2..], attribute);
        value.CopyTo(space[4..]);
        return this;
    }

    public NetlinkMessage Number(ushort attribute, byte value) => Bytes(attribute, [value]);

    public NetlinkMessage Number(ushort attribute, uint value) => Bytes(attribute, BitConverter.GetBytes(value));

    public NetlinkMessage NetworkOrder(ushort attribute, ushort value)
    {
        Span<byte> bytes = stackalloc byte[2];
        BinaryPrimitives.WriteUInt16BigEndian(bytes, value);
        return Bytes(attribute, bytes);
    }

    public NetlinkMessage Text(ushort attribute, string value) => Bytes(attribute, Encoding.UTF8.GetBytes(value + '\0'));

    public NetlinkMessage Address(ushort attribute, IPAddress value) => Bytes(attribute, value.GetAddressBytes());

    public NetlinkMessage Mac(ushort attribute, MacAddress value) => Bytes(attribute, value.ToBytes());

    /// <summary>An attribute that holds what <paramref name="content"/> writes: attributes, or a nested header by <see cref="Raw"/>.</summary>
    public NetlinkMessage Nest(ushort attribute, Action<NetlinkMessage> content)
    {
        var start = _length;
        Bytes((ushort)(attribute | NestedFlag), []);
        content(this);
        BitConverter.TryWriteBytes(_buffer.AsSpan(start), (ushort)(_length - start));
        return this;
    }

    public NetlinkMessage Raw(ReadOnlySpan<byte> bytes)
    {
        bytes.CopyTo(Grow(bytes.Length));
        return this;
    }

    public ReadOnlySpan<byte> ToBytes(uint sequence)
    {
        var all = _buffer.AsSpan(0, _length);
        BitConverter.TryWriteBytes(all, (uint)_length);
        BitConverter.TryWriteBytes(all[4..], Type);
        BitConverter.TryWriteBytes(all[6..], (ushort)Flags);
        BitConverter.TryWriteBytes(all[8..], sequence);
        return all;
    }

    private Span<byte> Grow(int count)
    {
        var start = _length;
        _length += (count + 3) & ~3;
        if (_length > _buffer.Length)
            Array.Resize(ref _buffer, _length * 2);
        return _buffer.AsSpan(start, count);
    }
}
