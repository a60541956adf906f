using System.Net.Sockets;
using System.Runtime.InteropServices;
using System.Text;
using Microsoft.Win32.SafeHandles;

namespace Orchestrator.Linux;

/// <summary>
/// Unix sockets of whole messages (SOCK_SEQPACKET) by descriptor number, for a process that must do without .NET's sockets: a message comes
/// whole or not at all, and may carry descriptors.
/// </summary>
public static unsafe class MessageSocket
{
    /// <summary>As many descriptors as one message may carry.</summary>
    public const int DescriptorsMax = 4;

    private const int Family = 1, SequencedPackets = 5, CloseOnExec = 0x80000, NonBlocking = 0x800, PathMax = 108;
    private const int SocketLevel = 1, Rights = 1, SendBufferForce = 32, DontWait = 0x40, NoSignal = 0x4000, ReceiveCloseOnExec = 0x40000000;

    /// <summary>Listens on a path, without blocking; what was there is replaced. A path of any length, as it is reached through its directory.</summary>
    public static SafeFileHandle Listen(string path, uint mode)
    {
        FileSystem.Remove(path);
        var socket = Open(NonBlocking);
        OnAddress(path, (address, length) => Libc.Check(Libc.bind(socket.Number(), address, length), $"bind {path}"));
        FileSystem.ChangeMode(path, mode);
        Libc.Check(Libc.listen(socket.Number(), 128), $"listen on {path}");
        return socket;
    }

    /// <summary>A blocking connection.</summary>
    /// <exception cref="LinuxException">ENOENT or ECONNREFUSED when nobody listens there.</exception>
    public static SafeFileHandle Connect(string path)
    {
        var socket = Open(0);
        try
        {
            OnAddress(path, (address, length) => Libc.Check(Libc.connect(socket.Number(), address, length), $"connect {path}"));
            return socket;
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    /// <summary>A connection for .NET's socket, which cannot take a path of any length.</summary>
    public static SafeSocketHandle ConnectSocket(string path)
    {
        var socket = Connect(path);
        var handle = new SafeSocketHandle(socket.DangerousGetHandle(), ownsHandle: true);
        socket.SetHandleAsInvalid();
        return handle;
    }

    /// <summary>The next waiting connection, without blocking; null when there is none.</summary>
    public static SafeFileHandle? Accept(int listener)
    {
        var socket = Libc.accept4(listener, null, null, CloseOnExec | NonBlocking);
        return socket >= 0 ? new SafeFileHandle(socket, true) : null;
    }

    /// <summary>Two ends of one connection; both block.</summary>
    public static (SafeFileHandle, SafeFileHandle) CreatePair()
    {
        var fds = stackalloc int[2];
        Libc.Check(Libc.socketpair(Family, SequencedPackets | CloseOnExec, 0, fds), "socketpair");
        return (new SafeFileHandle(fds[0], true), new SafeFileHandle(fds[1], true));
    }

    /// <summary>How much may lie unread at the other side before <see cref="TrySend"/> says no. Beyond the machine's limit only as root.</summary>
    public static void SetSendBuffer(int socket, int bytes) =>
        Libc.Check(Libc.setsockopt(socket, SocketLevel, SendBufferForce, &bytes, sizeof(int)), "setsockopt");

    /// <summary>False when the other side has not read enough of what came before, or is gone.</summary>
    public static bool TrySend(int socket, ReadOnlySpan<byte> message, params ReadOnlySpan<int> descriptors)
    {
        fixed (byte* start = message)
        {
            var part = new MessagePart { Start = start, Length = (nuint)message.Length };
            var header = new MessageHeader { Parts = &part, PartCount = 1 };
            var control = stackalloc byte[ControlSize(DescriptorsMax)];
            if (descriptors.Length > 0)
                Attach(&header, control, descriptors);
            if (Libc.sendmsg(socket, &header, DontWait | NoSignal) >= 0)
                return true;
            var error = Libc.Error("send a message");
            return error.Errno is Errno.EAGAIN or Errno.EPIPE or Errno.ECONNRESET or Errno.EINTR ? false : throw error;
        }
    }

    /// <summary>Waits until there is room. False when the other side is gone.</summary>
    public static bool Send(int socket, ReadOnlySpan<byte> message)
    {
        while (!TrySend(socket, message))
        {
            FileDescriptors.Poll(socket, PollEvents.Writable, -1);
            if (FileDescriptors.Poll(socket, PollEvents.None, 0).HasFlag(PollEvents.HangUp))
                return false;
        }
        return true;
    }

    /// <summary>No more messages in either direction; who waits for one wakes up.</summary>
    public static void Shutdown(int socket) => _ = Libc.shutdown(socket, 2);

    /// <summary>The next message's length; 0 when the other side is gone; -1 when a non-blocking socket has none now. Descriptors that it carries are the caller's.</summary>
    public static int Receive(int socket, Span<byte> buffer, Span<int> descriptors, out int descriptorCount)
    {
        descriptorCount = 0;
        fixed (byte* start = buffer)
        {
            var part = new MessagePart { Start = start, Length = (nuint)buffer.Length };
            var control = stackalloc byte[ControlSize(DescriptorsMax)];
            var header = new MessageHeader { Parts = &part, PartCount = 1, Control = control, ControlLength = (nuint)ControlSize(DescriptorsMax) };
            nint count;
            while ((count = Libc.recvmsg(socket, &header, ReceiveCloseOnExec)) < 0)
            {
                var error = Libc.Error("receive a message");
                if (error.Errno == Errno.EAGAIN)
                    return -1;
                if (error.Errno == Errno.ECONNRESET)
                    return 0;
                if (error.Errno != Errno.EINTR)
                    throw error;
            }
            descriptorCount = Detach(header, descriptors);
            return (int)count;
        }
    }

    private static int ControlSize(int descriptors) => 16 + (descriptors * sizeof(int) + 7) / 8 * 8;

    // struct cmsghdr: length, level, type, then the descriptors.
    private static void Attach(MessageHeader* header, byte* control, ReadOnlySpan<int> descriptors)
    {
        *(nuint*)control = (nuint)(16 + descriptors.Length * sizeof(int));
        ((int*)control)[2] = SocketLevel;
        ((int*)control)[3] = Rights;
        descriptors.CopyTo(new Span<int>(control + 16, DescriptorsMax));
        header->Control = control;
        header->ControlLength = (nuint)ControlSize(descriptors.Length);
    }

    private static int Detach(in MessageHeader header, Span<int> descriptors)
    {
        if (header.ControlLength < 16 || ((int*)header.Control)[3] != Rights)
            return 0;
        var count = ((int)*(nuint*)header.Control - 16) / sizeof(int);
        new ReadOnlySpan<int>(header.Control + 16, count).CopyTo(descriptors);
        return count;
    }

    private delegate void AddressAction(byte* address, uint length);

    // sun_path holds 108 bytes, so a longer path is taken from its directory's descriptor.
    private static void OnAddress(string path, AddressAction action)
    {
        using var directory = FileSystem.Open(Path.GetDirectoryName(Path.GetFullPath(path))!, OpenFlags.Path | OpenFlags.Directory);
        var address = stackalloc byte[2 + PathMax];
        new Span<byte>(address, 2 + PathMax).Clear();
        address[0] = Family;
        var name = Encoding.UTF8.GetBytes($"/proc/self/fd/{directory.Number()}/{Path.GetFileName(path)}");
        if (name.Length >= PathMax)
            throw new ArgumentException($"{path}: the name of a socket has at most {PathMax - 32} bytes", nameof(path));
        name.CopyTo(new Span<byte>(address + 2, PathMax));
        action(address, 2 + PathMax);
    }

    private static SafeFileHandle Open(int flags) =>
        new(Libc.Check(Libc.socket(Family, SequencedPackets | CloseOnExec | flags, 0), "socket"), true);
}

[StructLayout(LayoutKind.Sequential)]
internal unsafe struct MessageHeader
{
    public byte* Name;
    public uint NameLength;
    public MessagePart* Parts;
    public nuint PartCount;
    public byte* Control;
    public nuint ControlLength;
    public int Flags;
}

[StructLayout(LayoutKind.Sequential)]
internal unsafe struct MessagePart
{
    public byte* Start;
    public nuint Length;
}

internal static unsafe partial class Libc
{
    [DllImport(Name)] public static extern int bind(int fd, byte* address, uint length);
    [DllImport(Name)] public static extern int shutdown(int fd, int how);
    [DllImport(Name)] public static extern int listen(int fd, int backlog);
    [DllImport(Name)] public static extern int accept4(int fd, byte* address, uint* length, int flags);
    [DllImport(Name)] public static extern int socketpair(int family, int type, int protocol, int* fds);
    [DllImport(Name)] public static extern nint recvmsg(int fd, void* message, int flags);
}
