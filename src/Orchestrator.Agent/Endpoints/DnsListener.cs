using System.Net;
using System.Net.Sockets;
using Microsoft.Extensions.Logging;
using Orchestrator.Linux;

namespace Orchestrator.Agent.Endpoints;

/// <summary>One gateway address, UDP and TCP.</summary>
/// <param name="answer">From the asker's address, the packet and whether it came by TCP to the answer; null: none is due.</param>
internal sealed class DnsListener(IPAddress address, Func<IPAddress, byte[], bool, CancellationToken, Task<byte[]?>> answer, ILogger logger) : IAsyncDisposable
{
    private const int Port = 53, LongestUdp = 4096;
    private static readonly TimeSpan s_idle = TimeSpan.FromSeconds(10);

    private readonly CancellationTokenSource _closing = new();
    private readonly SemaphoreSlim _connections = new(64);
    private Socket? _udp, _tcp;
    private Task _loops = Task.CompletedTask;

    /// <exception cref="SocketException">The address is not there, or another program listens on it.</exception>
    public async Task OpenAsync(NetnsThread host)
    {
        await host.RunAsync(() =>
        {
            _udp = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
            _tcp = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        });
        _udp!.Bind(new IPEndPoint(address, Port));
        _tcp!.Bind(new IPEndPoint(address, Port));
        _tcp.Listen();
        _loops = Task.WhenAll(Task.Run(() => UntilClosed(NextPacketAsync)), Task.Run(() => UntilClosed(NextConnectionAsync)));
    }

    public async ValueTask DisposeAsync()
    {
        await _closing.CancelAsync();
        _udp?.Dispose();
        _tcp?.Dispose();
        await _loops;
    }

    private async Task UntilClosed(Func<Task> next)
    {
        while (!_closing.IsCancellationRequested)
            await Guarded(next);
    }

    private async Task Guarded(Func<Task> work)
    {
        try
        {
            await work();
        }
        catch (Exception e) when (_closing.IsCancellationRequested && e is OperationCanceledException or ObjectDisposedException or SocketException)
        {
        }
        catch (Exception e) when (e is SocketException or IOException or OperationCanceledException)
        {
            logger.LogDebug(e, "DNS on {Address}", address);
        }
#pragma warning disable CA1031 // The top of the loop: one bad question must not end the service.
        catch (Exception e)
#pragma warning restore CA1031
        {
            logger.LogError(e, "DNS on {Address}", address);
        }
    }

    private async Task NextPacketAsync()
    {
        var buffer = new byte[LongestUdp];
        var received = await _udp!.ReceiveFromAsync(buffer, new IPEndPoint(IPAddress.Any, 0), _closing.Token);
        _ = Guarded(() => AnswerPacketAsync(buffer[..received.ReceivedBytes], (IPEndPoint)received.RemoteEndPoint));
    }

    private async Task AnswerPacketAsync(byte[] packet, IPEndPoint asker)
    {
        if (await answer(asker.Address, packet, false, _closing.Token) is { } message)
            await _udp!.SendToAsync(message, asker, _closing.Token);
    }

    private async Task NextConnectionAsync()
    {
        await _connections.WaitAsync(_closing.Token);
        Socket connection;
        try
        {
            connection = await _tcp!.AcceptAsync(_closing.Token);
        }
        catch
        {
            _connections.Release();
            throw;
        }
        _ = Guarded(() => AnswerConnectionAsync(connection));
    }

    private async Task AnswerConnectionAsync(Socket connection)
    {
        try
        {
            var asker = ((IPEndPoint)connection.RemoteEndPoint!).Address;
            await using var stream = new NetworkStream(connection, ownsSocket: true);
            while (await AnswerNextAsync(stream, asker))
            {
            }
        }
        finally
        {
            connection.Dispose();
            _connections.Release();
        }
    }

    private async Task<bool> AnswerNextAsync(NetworkStream stream, IPAddress asker)
    {
        using var idle = CancellationTokenSource.CreateLinkedTokenSource(_closing.Token);
        idle.CancelAfter(s_idle);
        if (await DnsStream.ReadAsync(stream, idle.Token) is not { } packet || await answer(asker, packet, true, idle.Token) is not { } message)
            return false;
        await DnsStream.WriteAsync(stream, message, idle.Token);
        return true;
    }
}
