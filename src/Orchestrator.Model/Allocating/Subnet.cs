using System.Buffers.Binary;
using System.Globalization;

namespace Orchestrator.Model.Allocating;

/// <summary>An IPv4 /16 of a cluster network. Its k-th /24 belongs to node block k (16..255); blocks 0..15 hold virtual IPs.</summary>
public readonly record struct Subnet(uint Start)
{
    public const int PrefixLength = 16;

    private const uint VirtualFirst = 2;
    private const uint VirtualLast = (16 << 8) - 2;

    /// <summary>What <see cref="TryParse"/> accepts, in words.</summary>
    public const string Accepted = "an IPv4 /16 such as 10.50.0.0/16";

    /// <summary>The n-th of the subnets that the cluster gives out: 10.160.0.0/16 to 10.255.0.0/16.</summary>
    public static IEnumerable<Subnet> Pool => Enumerable.Range(160, 96).Select(second => new Subnet((10u << 24) | ((uint)second << 16)));

    public static bool TryParse(string text, out Subnet subnet)
    {
        subnet = default;
        if (!text.EndsWith("/16", StringComparison.Ordinal) || ParseAddress(text[..^3]) is not { } address || (address & 0xffff) != 0)
            return false;
        subnet = new(address);
        return true;
    }

    /// <summary>Addresses for services, in the order in which they are given out.</summary>
    public IEnumerable<string> VirtualIps()
    {
        for (var i = VirtualFirst; i <= VirtualLast; i++)
            yield return Dotted(Start + i);
    }

    public override string ToString() => Dotted(Start) + "/16";

    private static uint? ParseAddress(string text)
    {
        var parts = text.Split('.');
        Span<byte> bytes = stackalloc byte[4];
        if (parts.Length != 4)
            return null;
        for (var i = 0; i < 4; i++)
            if (!byte.TryParse(parts[i], NumberStyles.None, CultureInfo.InvariantCulture, out bytes[i]))
                return null;
        return BinaryPrimitives.ReadUInt32BigEndian(bytes);
    }

    private static string Dotted(uint address) =>
        string.Create(CultureInfo.InvariantCulture, $"{address >> 24}.{(address >> 16) & 255}.{(address >> 8) & 255}.{address & 255}");
}
