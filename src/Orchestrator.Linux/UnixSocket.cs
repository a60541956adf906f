using System.Runtime.InteropServices;
using System.Text;
using Microsoft.Win32.SafeHandles;

namespace Orchestrator.Linux;

/// <summary>Descriptors sent to another process, which .NET's sockets cannot do.</summary>
public static unsafe class UnixSocket
{
    private const int Family = 1, Stream = 1, CloseOnExec = 0x80000, PathMax = 108;

    /// <summary>struct cmsghdr with one descriptor, padded to 8 bytes.</summary>
    [StructLayout(LayoutKind.Sequential, Size = 24)]
    private struct Control
    {
        public nuint Length;
        public int Level, Type, Descriptor;
    }

    /// <summary>Connects to a listening stream socket and sends it a descriptor, with its name as the text.</summary>
    public static void SendDescriptor(string path, int descriptor, string name)
    {
        var address = new byte[2 + PathMax];
        address[0] = Family;
        if (Encoding.UTF8.GetByteCount(path) >= PathMax)
            throw new IOException($"{path}: a socket's path has at most {PathMax - 1} bytes");
        Encoding.UTF8.GetBytes(path, address.AsSpan(2));
        using var socket = new SafeFileHandle(Libc.Check(Libc.socket(Family, Stream | CloseOnExec, 0), "socket"), true);
        var text = Encoding.UTF8.GetBytes(name);
        fixed (byte* a = address, t = text)
        {
            Libc.Check(Libc.connect(socket.Number(), a, (uint)address.Length), $"connect {path}");
            var part = new MessagePart { Start = t, Length = (nuint)text.Length };
            var control = new Control { Length = 20, Level = 1, Type = 1, Descriptor = descriptor };
            var message = new MessageHeader { Parts = &part, PartCount = 1, Control = (byte*)&control, ControlLength = (nuint)sizeof(Control) };
            Libc.Check(Libc.sendmsg(socket.Number(), &message, 0), $"send a descriptor to {path}");
        }
    }
}

internal static unsafe partial class Libc
{
    [DllImport(Name)] public static extern int connect(int fd, byte* address, uint length);
    [DllImport(Name)] public static extern nint sendmsg(int fd, void* message, int flags);
}
