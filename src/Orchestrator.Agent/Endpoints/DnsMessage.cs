using System.Buffers.Binary;
using System.Net;
using System.Text;

namespace Orchestrator.Agent.Endpoints;

public enum DnsCode : byte
{
    NoError = 0,
    FormatError = 1,
    ServerFailure = 2,
    NameError = 3,
    NotImplemented = 4,
    Refused = 5,
}

/// <summary>A question as it came in.</summary>
/// <param name="Name">Lower case, without the last dot; the root is empty.</param>
/// <param name="Opcode">0: an ordinary query.</param>
/// <param name="PayloadSize">The largest UDP answer that the asker takes.</param>
/// <param name="HasEdns">It sent an OPT record, so the answer carries one (RFC 6891, 6.1.1).</param>
/// <param name="Question">The question section as it came, to be repeated.</param>
public sealed record DnsQuery(
    ushort Id, byte Opcode, bool RecursionDesired, string Name, ushort Type, ushort Class, int PayloadSize, bool HasEdns, byte[] Question);

/// <summary>The wire format of RFC 1035, as much of it as a server of addresses needs. Nothing here throws on any input.</summary>
public static class DnsMessage
{
    public const ushort TypeA = 1, TypePtr = 12, TypeAaaa = 28, TypeOpt = 41, TypeAny = 255, ClassInternet = 1;

    public const int HeaderLength = 12;

    private const int SmallestPayload = 512, LargestPayload = 1400, LongestName = 255;
    private const ushort ResponseBit = 0x8000, AuthoritativeBit = 0x0400, TruncatedBit = 0x0200, DesiredBit = 0x0100, AvailableBit = 0x0080;

    /// <returns>Null when it is not one well-formed question.</returns>
    public static DnsQuery? ParseQuery(ReadOnlySpan<byte> message)
    {
        if (message.Length < HeaderLength)
            return null;
        var flags = BinaryPrimitives.ReadUInt16BigEndian(message[2..]);
        if ((flags & ResponseBit) != 0 || BinaryPrimitives.ReadUInt16BigEndian(message[4..]) != 1)
            return null;
        if (ReadName(message, HeaderLength) is not var (name, end) || end + 4 > message.Length)
            return null;
        var type = BinaryPrimitives.ReadUInt16BigEndian(message[end..]);
        var kind = BinaryPrimitives.ReadUInt16BigEndian(message[(end + 2)..]);
        var payload = EdnsPayload(message, end + 4);
        return new DnsQuery(
            BinaryPrimitives.ReadUInt16BigEndian(message), (byte)((flags >> 11) & 0xF), (flags & DesiredBit) != 0, name, type, kind,
            Math.Clamp(payload ?? SmallestPayload, SmallestPayload, LargestPayload), payload is not null, message[HeaderLength..(end + 4)].ToArray());
    }

    /// <summary>An ordinary query for one name.</summary>
    public static byte[] Query(ushort id, string name, ushort type)
    {
        var message = new List<byte>(HeaderLength + name.Length + 6);
        AddHeader(message, id, DesiredBit, 1, 0, 0);
        AddName(message, name);
        Add(message, type);
        Add(message, ClassInternet);
        return [.. message];
    }

    /// <summary>An answer with address records for the name that was asked for.</summary>
    /// <param name="limit">Bytes; records that do not fit are left out and the answer is marked as truncated.</param>
    public static byte[] Answer(DnsQuery query, DnsCode code, IReadOnlyList<IPAddress> addresses, int ttlSeconds, int limit) =>
        Answer(query, code, [.. addresses.Select(a => (TypeA, a.GetAddressBytes()))], ttlSeconds, limit);

    /// <summary>An answer with a PTR record for the name that was asked for.</summary>
    public static byte[] PointerAnswer(DnsQuery query, string name, int ttlSeconds)
    {
        var data = new List<byte>();
        AddName(data, name);
        return Answer(query, DnsCode.NoError, [(TypePtr, data.ToArray())], ttlSeconds, int.MaxValue);
    }

    public static byte[] Refusal(DnsQuery query, DnsCode code) => Answer(query, code, Array.Empty<(ushort, byte[])>(), 0, int.MaxValue);

    /// <summary>The address in a name like 5.0.160.10.in-addr.arpa.</summary>
    public static IPAddress? ParseReverse(string name)
    {
        const string suffix = ".in-addr.arpa";
        if (!name.EndsWith(suffix, StringComparison.Ordinal))
            return null;
        var parts = name[..^suffix.Length].Split('.');
        Span<byte> bytes = stackalloc byte[4];
        for (var i = 0; i < 4; i++)
            if (parts.Length != 4 || !byte.TryParse(parts[3 - i], out bytes[i]))
                return null;
        return new IPAddress(bytes);
    }

    private static byte[] Answer(DnsQuery query, DnsCode code, (ushort Type, byte[] Data)[] records, int ttlSeconds, int limit)
    {
        var rest = limit - HeaderLength - query.Question.Length - (query.HasEdns ? 11 : 0);
        var fitting = records.TakeWhile(r => (rest -= 12 + r.Data.Length) >= 0).ToArray();
        var flags = ResponseBit | AuthoritativeBit | AvailableBit | (query.Opcode << 11) | (byte)code;
        flags |= query.RecursionDesired ? DesiredBit : 0;
        flags |= fitting.Length < records.Length ? TruncatedBit : 0;
        var message = new List<byte>(SmallestPayload);
        AddHeader(message, query.Id, (ushort)flags, 1, (ushort)fitting.Length, (ushort)(query.HasEdns ? 1 : 0));
        message.AddRange(query.Question);
        foreach (var (type, data) in fitting)
            AddRecord(message, type, data, ttlSeconds);
        if (query.HasEdns)
            message.AddRange([0, 0, (byte)TypeOpt, LargestPayload >> 8, LargestPayload & 0xFF, 0, 0, 0, 0, 0, 0]);
        return [.. message];
    }

    private static void AddRecord(List<byte> message, ushort type, byte[] data, int ttlSeconds)
    {
        // A pointer to the question's name.
        message.AddRange([0xC0, HeaderLength]);
        Add(message, type);
        Add(message, ClassInternet);
        Add(message, (ushort)(ttlSeconds >> 16));
        Add(message, (ushort)ttlSeconds);
        Add(message, (ushort)data.Length);
        message.AddRange(data);
    }

    private static void AddHeader(List<byte> message, ushort id, ushort flags, ushort questions, ushort answers, ushort additional)
    {
        foreach (var field in (ReadOnlySpan<ushort>)[id, flags, questions, answers, 0, additional])
            Add(message, field);
    }

    private static void Add(List<byte> message, ushort value) => message.AddRange([(byte)(value >> 8), (byte)value]);

    private static void AddName(List<byte> message, string name)
    {
        foreach (var label in name.Split('.', StringSplitOptions.RemoveEmptyEntries))
        {
            var bytes = Encoding.ASCII.GetBytes(label);
            message.Add((byte)Math.Min(bytes.Length, 63));
            message.AddRange(bytes.Take(63));
        }
        message.Add(0);
    }

    // A question's name has nothing before it to point to, so a compressed one is malformed.
    private static (string Name, int End)? ReadName(ReadOnlySpan<byte> message, int at)
    {
        var name = new StringBuilder();
        while (at < message.Length && message[at] is > 0 and <= 63 and var length)
        {
            if (at + 1 + length >= message.Length || name.Length + length + 1 > LongestName)
                return null;
            foreach (var b in message.Slice(at + 1, length))
                name.Append(char.ToLowerInvariant((char)b));
            name.Append('.');
            at += 1 + length;
        }
        if (at >= message.Length || message[at] != 0)
            return null;
        return (name.ToString().TrimEnd('.'), at + 1);
    }

    // The OPT record of a query comes first in practice: answer and authority sections are empty.
    private static int? EdnsPayload(ReadOnlySpan<byte> message, int at)
    {
        var additional = BinaryPrimitives.ReadUInt16BigEndian(message[10..]);
        var isOpt = additional > 0 && at + 11 <= message.Length && message[at] == 0
            && BinaryPrimitives.ReadUInt16BigEndian(message[(at + 1)..]) == TypeOpt;
        return isOpt ? BinaryPrimitives.ReadUInt16BigEndian(message[(at + 3)..]) : null;
    }
}
