using System.Net.Sockets;
using System.Text;

namespace Orchestrator.Daemon;

/// <summary>Tells systemd (Type=notify) how far this process is; does nothing elsewhere. See sd_notify(3).</summary>
internal static class SystemdNotify
{
    public static void Ready() => Send("READY=1");

    public static void Stopping() => Send("STOPPING=1");

    private static void Send(string state)
    {
        if (Environment.GetEnvironmentVariable("NOTIFY_SOCKET") is not { Length: > 0 } path)
            return;
        // '@' stands for the zero byte of an abstract socket.
        using var socket = new Socket(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified);
        socket.SendTo(Encoding.UTF8.GetBytes(state), new UnixDomainSocketEndPoint(path[0] == '@' ? "\0" + path[1..] : path));
    }
}
