using System.Net;
using System.Security.Cryptography;

namespace Orchestrator.Agent.Endpoints;

/// <summary>Who asks: the networks whose names it may learn, and whether it may ask the outside.</summary>
public sealed record DnsAsker(IReadOnlyList<string> Networks, bool MayLeave);

/// <summary>What is to be done with a packet: send an answer, ask an upstream server, or nothing.</summary>
public abstract record DnsDecision
{
    private DnsDecision()
    {
    }

    public sealed record Reply(byte[] Message) : DnsDecision;

    public sealed record Forward(DnsQuery Query) : DnsDecision;

    public sealed record Ignore : DnsDecision;
}

/// <summary>Decides on a packet by itself, given the names; no network, never throws.</summary>
public static class DnsResolver
{
    // A virtual IP lives as long as its service; replicas come and go.
    private const int VirtualIpTtlSeconds = 30, ReplicaTtlSeconds = 2;

    /// <param name="limit">Bytes in an answer: UDP's; null: as the asker says.</param>
    public static DnsDecision Decide(DnsZone zone, DnsAsker asker, ReadOnlySpan<byte> packet, int? limit = null)
    {
        if (DnsMessage.ParseQuery(packet) is not { } query)
            return new DnsDecision.Ignore();
        if (query.Opcode != 0)
            return Refuse(query, DnsCode.NotImplemented);
        if (query.Class == DnsMessage.ClassInternet && Known(zone, asker, query, limit ?? query.PayloadSize) is { } answer)
            return new DnsDecision.Reply(answer);
        var ours = query.Name.StartsWith("tasks.", StringComparison.Ordinal);
        return asker.MayLeave && !ours ? new DnsDecision.Forward(query) : Refuse(query, DnsCode.NameError);
    }

    private static DnsDecision.Reply Refuse(DnsQuery query, DnsCode code) => new(DnsMessage.Refusal(query, code));

    private static byte[]? Known(DnsZone zone, DnsAsker asker, DnsQuery query, int limit)
    {
        if (query.Type == DnsMessage.TypePtr && DnsMessage.ParseReverse(query.Name) is { } address)
            return zone.Find(address, asker.Networks) is { } name ? DnsMessage.PointerAnswer(query, name, VirtualIpTtlSeconds) : null;
        if (zone.Find(query.Name, asker.Networks) is not { } found)
            return null;
        // The name exists: for any other type the answer is "no such data", not "no such name".
        if (query.Type is not (DnsMessage.TypeA or DnsMessage.TypeAny))
            return DnsMessage.Refusal(query, DnsCode.NoError);
        var addresses = found.ToArray();
        RandomNumberGenerator.Shuffle<IPAddress>(addresses);
        var ttl = query.Name.StartsWith("tasks.", StringComparison.Ordinal) ? ReplicaTtlSeconds : VirtualIpTtlSeconds;
        return DnsMessage.Answer(query, DnsCode.NoError, addresses, ttl, limit);
    }
}
