using System.Buffers.Binary;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace Orchestrator.Model;

/// <summary>Chance from a seed: the same on every machine.</summary>
internal static class SeedHash
{
    private const string Letters = "abcdefghijklmnopqrstuvwxyz234567";

    /// <summary>An id of 16 letters and digits (80 bits), fit for host names and paths.</summary>
    public static string Id(ulong seed, ulong revision, string serviceId, int slot)
    {
        var text = string.Create(CultureInfo.InvariantCulture, $"{seed} {revision} {serviceId} {slot}");
        Span<byte> digest = stackalloc byte[SHA256.HashSizeInBytes];
        SHA256.HashData(Encoding.UTF8.GetBytes(text), digest);
        var high = BinaryPrimitives.ReadUInt64BigEndian(digest);
        var low = BinaryPrimitives.ReadUInt64BigEndian(digest[8..]);
        return string.Create(16, (high, low), (span, bits) =>
        {
            for (var i = 0; i < 16; i++)
                span[i] = Letters[(int)(((i < 8 ? bits.high : bits.low) >> (5 * (i & 7))) & 31)];
        });
    }
}
