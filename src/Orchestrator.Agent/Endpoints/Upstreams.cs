using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using Orchestrator.Linux;

namespace Orchestrator.Agent.Endpoints;

/// <summary>The machine's own name servers, as resolv.conf lists them.</summary>
/// <param name="isOwn">Addresses that this program answers on: asking them would go round in circles.</param>
internal sealed class Upstreams(string resolvConf, NetnsThread host, Func<IPAddress, bool> isOwn)
{
    // AskingMost bounds what a container that floods us with questions can make us hold.
    private const int AskingMost = 512, Port = 53, ServersTried = 3, LongestMessage = 65535;

    // Three of these are less than the five seconds after which a resolver gives up on us.
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(1.5);

    private int _asking;

    /// <summary>Passes a query on, over the transport that it came by: a truncated answer makes the asker come back by TCP.</summary>
    /// <param name="chosen">Null: the machine's own.</param>
    /// <returns>The first server's answer, or a refusal: no such name where there is no server to know it.</returns>
    public async Task<byte[]> AskAsync(DnsQuery query, byte[] packet, bool tcp, IReadOnlyList<IPAddress>? chosen, CancellationToken cancellationToken)
    {
        var servers = chosen is null ? Servers() : Usable(chosen);
        if (servers.Length == 0)
            return DnsMessage.Refusal(query, DnsCode.NameError);
        try
        {
            if (Interlocked.Increment(ref _asking) > AskingMost)
                return DnsMessage.Refusal(query, DnsCode.ServerFailure);
            return await AskInTurnAsync(servers, packet, tcp, cancellationToken) ?? DnsMessage.Refusal(query, DnsCode.ServerFailure);
        }
        finally
        {
            Interlocked.Decrement(ref _asking);
        }
    }

    /// <summary>The name servers of a resolv.conf, in order.</summary>
    public static IEnumerable<IPAddress> Parse(IEnumerable<string> lines) => lines
        .Select(line => line.Split([' ', '\t'], StringSplitOptions.RemoveEmptyEntries))
        .Where(words => words.Length >= 2 && words[0] == "nameserver")
        .Select(words => IPAddress.TryParse(words[1], out var address) ? address : null)
        .OfType<IPAddress>();

    private IPAddress[] Servers()
    {
        try
        {
            return Usable(Parse(File.ReadLines(resolvConf)));
        }
        catch (IOException)
        {
            return [];
        }
    }

    private IPAddress[] Usable(IEnumerable<IPAddress> servers) => [.. servers.Where(a => !isOwn(a)).Take(ServersTried)];

    private async Task<byte[]?> AskInTurnAsync(IReadOnlyList<IPAddress> servers, byte[] packet, bool tcp, CancellationToken cancellationToken)
    {
        foreach (var server in servers)
        {
            using var patience = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
            patience.CancelAfter(s_patience);
            try
            {
                return await (tcp ? AskTcpAsync(server, packet, patience.Token) : AskUdpAsync(server, packet, patience.Token));
            }
            catch (Exception e) when (e is SocketException or IOException || (e is OperationCanceledException && !cancellationToken.IsCancellationRequested))
            {
                // The next one may answer.
            }
        }
        return null;
    }

    private Task<Socket> OpenAsync(IPAddress server, SocketType type, ProtocolType protocol) =>
        host.RunAsync(() => new Socket(server.AddressFamily, type, protocol));

    private async Task<byte[]> AskUdpAsync(IPAddress server, byte[] query, CancellationToken cancellationToken)
    {
        using var socket = await OpenAsync(server, SocketType.Dgram, ProtocolType.Udp);
        await socket.ConnectAsync(server, Port, cancellationToken);
        var id = (ushort)RandomNumberGenerator.GetInt32(ushort.MaxValue + 1);
        await socket.SendAsync(WithId(query, id), cancellationToken);
        var buffer = new byte[LongestMessage];
        while (true)
        {
            var length = await socket.ReceiveAsync(buffer, cancellationToken);
            if (Answers(buffer.AsSpan(0, length), query, id))
                return WithId(buffer[..length], BinaryPrimitives.ReadUInt16BigEndian(query));
        }
    }

    private async Task<byte[]> AskTcpAsync(IPAddress server, byte[] query, CancellationToken cancellationToken)
    {
        using var socket = await OpenAsync(server, SocketType.Stream, ProtocolType.Tcp);
        await socket.ConnectAsync(server, Port, cancellationToken);
        await using var stream = new NetworkStream(socket);
        await DnsStream.WriteAsync(stream, query, cancellationToken);
        return await DnsStream.ReadAsync(stream, cancellationToken) ?? throw new IOException($"{server} closed without an answer");
    }

    // The id and the question are all that tells an answer from a forgery.
    private static bool Answers(ReadOnlySpan<byte> answer, byte[] query, ushort id)
    {
        if (answer.Length < DnsMessage.HeaderLength || BinaryPrimitives.ReadUInt16BigEndian(answer) != id || (answer[2] & 0x80) == 0)
            return false;
        var question = DnsMessage.ParseQuery(query)!.Question;
        return answer[DnsMessage.HeaderLength..].StartsWith(question) || BinaryPrimitives.ReadUInt16BigEndian(answer[4..]) == 0;
    }

    private static byte[] WithId(byte[] message, ushort id)
    {
        var copy = message.ToArray();
        BinaryPrimitives.WriteUInt16BigEndian(copy, id);
        return copy;
    }
}
