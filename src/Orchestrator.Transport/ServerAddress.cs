using System.Net;
using System.Net.Sockets;

namespace Orchestrator.Transport;

public static class ServerAddress
{
    public const int DefaultApiPort = 4600, DefaultRaftPort = 4601;

    /// <summary>"host", "host:port", "1.2.3.4:port" or "[::1]:port"; null when it is none of these.</summary>
    public static EndPoint? Parse(string text, int defaultPort = DefaultApiPort)
    {
        if (IPAddress.TryParse(text, out var bare))
            return new IPEndPoint(bare, defaultPort);
        if (IPEndPoint.TryParse(text, out var literal))
            return literal.Port == 0 ? new IPEndPoint(literal.Address, defaultPort) : literal;
        var colon = text.LastIndexOf(':');
        var host = colon < 0 ? text : text[..colon];
        var port = defaultPort;
        return Uri.CheckHostName(host) == UriHostNameType.Dns && (colon < 0 || int.TryParse(text.AsSpan(colon + 1), out port)) && port is > 0 and < 65536
            ? new DnsEndPoint(host, port)
            : null;
    }

    internal static async Task<Socket> ConnectAsync(string address, CancellationToken cancellation)
    {
        var endPoint = Parse(address) ?? throw new IOException($"'{address}' is no server address: expected HOST:PORT");
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            await socket.ConnectAsync(endPoint, cancellation);
            return socket;
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }
}
