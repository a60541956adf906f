using System.Net;

namespace Orchestrator.Control.Store;

/// <summary>"host:port" as DotNext's end points and back. A member's identity is derived from it, so the same text must give the same end point.</summary>
internal static class RaftAddress
{
    public static EndPoint Parse(string address)
    {
        if (IPEndPoint.TryParse(address, out var ip) && ip.Port > 0)
            return ip;
        var colon = address.LastIndexOf(':');
        if (colon > 0 && int.TryParse(address.AsSpan(colon + 1), out var port) && port is > 0 and < 65536)
            return new DnsEndPoint(address[..colon], port);
        throw new ArgumentException($"Raft address \"{address}\": expected host:port, such as 10.0.0.1:4601", nameof(address));
    }

    public static IPEndPoint ParseListen(string address) => Parse(address) as IPEndPoint
        ?? throw new ArgumentException($"Raft listen address \"{address}\": expected ip:port, such as 0.0.0.0:4601", nameof(address));

    public static string Format(EndPoint address) => address is DnsEndPoint name ? $"{name.Host}:{name.Port}" : address.ToString()!;
}
