using System.Buffers.Binary;
using System.Net;
using System.Text;

namespace Orchestrator.Linux.Netlink;

/// <summary>One attribute of a netlink message.</summary>
public readonly ref struct NetlinkAttribute(ushort type, ReadOnlySpan<byte> value)
{
    public ushort Type { get; } = type;

    public ReadOnlySpan<byte> Value { get; } = value;

    public uint Number => BitConverter.ToUInt32(Value);

    public ushort NetworkOrder => BinaryPrimitives.ReadUInt16BigEndian(Value);

    public string Text => Encoding.UTF8.GetString(Value.TrimEnd((byte)0));

    public IPAddress Address => new(Value);

    public MacAddress Mac => MacAddress.FromBytes(Value);

    public NetlinkAttributes Nested => new(Value);
}

/// <summary>Walks the attributes in a span; one whose length does not fit ends the walk.</summary>
public ref struct NetlinkAttributes(ReadOnlySpan<byte> bytes)
{
    // The upper two bits say "nested" and "network byte order".
    private const ushort TypeMask = 0x3FFF;

    private ReadOnlySpan<byte> _rest = bytes;

    public NetlinkAttribute Current { get; private set; }

    public readonly NetlinkAttributes GetEnumerator() => this;

    public bool MoveNext()
    {
        if (_rest.Length < 4)
            return false;
        var length = BitConverter.ToUInt16(_rest);
        if (length < 4 || length > _rest.Length)
            return false;
        Current = new NetlinkAttribute((ushort)(BitConverter.ToUInt16(_rest[2..]) & TypeMask), _rest[4..length]);
        _rest = _rest[Math.Min((length + 3) & ~3, _rest.Length)..];
        return true;
    }

    /// <summary>The value of the first attribute of this type; empty when there is none.</summary>
    public static ReadOnlySpan<byte> Find(ReadOnlySpan<byte> bytes, ushort type)
    {
        foreach (var attribute in new NetlinkAttributes(bytes))
            if (attribute.Type == type)
                return attribute.Value;
        return [];
    }
}
