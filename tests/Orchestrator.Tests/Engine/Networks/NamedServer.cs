using System.Net;
using System.Net.Sockets;
using System.Text;
using Orchestrator.Linux;

namespace Orchestrator.Tests.Engine.Networks;

/// <summary>Answers every TCP connection and UDP packet in a network namespace with its name and the client's address.</summary>
internal sealed class NamedServer : IDisposable
{
    private readonly Socket _tcp;
    private readonly Socket _udp;
    private readonly string _name;

    public NamedServer(string netns, string name, int port = 80)
    {
        _name = name;
        (_tcp, _udp) = Namespaces.InNetwork(netns, () => (
            new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp),
            new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp)));
        _tcp.Bind(new IPEndPoint(IPAddress.Any, port));
        _udp.Bind(new IPEndPoint(IPAddress.Any, port));
        _tcp.Listen();
        _ = AnswerTcp();
        _ = AnswerUdp();
    }

    public void Dispose()
    {
        _tcp.Dispose();
        _udp.Dispose();
    }

    private byte[] Answer(EndPoint? client) => Encoding.UTF8.GetBytes($"{_name} {((IPEndPoint)client!).Address}");

    private async Task AnswerTcp()
    {
        try
        {
            while (true)
            {
                using var client = await _tcp.AcceptAsync();
                await client.SendAsync(Answer(client.RemoteEndPoint));
            }
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
        }
    }

    private async Task AnswerUdp()
    {
        var buffer = new byte[1500];
        try
        {
            while (true)
            {
                var received = await _udp.ReceiveFromAsync(buffer, new IPEndPoint(IPAddress.Any, 0));
                await _udp.SendToAsync(Answer(received.RemoteEndPoint), received.RemoteEndPoint);
            }
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
        }
    }
}

/// <summary>A program in a network namespace that asks a <see cref="NamedServer"/>.</summary>
internal static class Client
{
    /// <summary>What the server said, or the socket error's name.</summary>
    public static string Tcp(string netns, IPAddress address, int port)
    {
        using var socket = Namespaces.InNetwork(netns, () => new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp));
        socket.ReceiveTimeout = 2000;
        return Answer(socket, () => socket.ConnectAsync(address, port));
    }

    public static string Udp(string netns, IPAddress address, int port)
    {
        using var socket = UdpSocket(netns, address, port);
        return Udp(socket);
    }

    /// <summary>A socket that keeps its local port, as a client has that sends now and then.</summary>
    public static Socket UdpSocket(string netns, IPAddress address, int port)
    {
        var socket = Namespaces.InNetwork(netns, () => new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp));
        socket.ReceiveTimeout = 1000;
        socket.Connect(address, port);
        return socket;
    }

    public static string Udp(Socket socket) => Answer(socket, () =>
    {
        socket.Send("?"u8);
        return Task.CompletedTask;
    });

    private static string Answer(Socket socket, Func<Task> ask)
    {
        try
        {
            if (!ask().Wait(TimeSpan.FromSeconds(2)))
                return nameof(SocketError.TimedOut);
            var buffer = new byte[1500];
            return Encoding.UTF8.GetString(buffer, 0, socket.Receive(buffer));
        }
        catch (AggregateException e) when (e.InnerException is SocketException inner)
        {
            return inner.SocketErrorCode.ToString();
        }
        catch (SocketException e)
        {
            return e.SocketErrorCode == SocketError.WouldBlock ? nameof(SocketError.TimedOut) : e.SocketErrorCode.ToString();
        }
    }
}
