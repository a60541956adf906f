using System.Globalization;

namespace Orchestrator.Linux.Netlink;

/// <summary>48 bits, the first byte on the wire the highest.</summary>
public readonly record struct MacAddress(ulong Bits)
{
    public static MacAddress FromBytes(ReadOnlySpan<byte> bytes)
    {
        ulong bits = 0;
        foreach (var b in bytes[..Math.Min(6, bytes.Length)])
            bits = (bits << 8) | b;
        return new MacAddress(bits);
    }

    public byte[] ToBytes() =>
        [(byte)(Bits >> 40), (byte)(Bits >> 32), (byte)(Bits >> 24), (byte)(Bits >> 16), (byte)(Bits >> 8), (byte)Bits];

    public override string ToString() => string.Join(':', ToBytes().Select(b => b.ToString("x2", CultureInfo.InvariantCulture)));
}
