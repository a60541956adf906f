using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Orchestrator.Linux;

public readonly record struct TerminalSize(ushort Rows, ushort Columns);

public static unsafe class Terminals
{
    private const nuint GetAttributes = 0x5401, SetAttributes = 0x5402, GetWindowSize = 0x5413, SetWindowSize = 0x5414, Unlock = 0x40045431, OpenPeer = 0x5441;
    private const long DevPts = 0x1cd1;

    /// <summary>struct termios of the kernel.</summary>
    [StructLayout(LayoutKind.Sequential)]
    private struct Attributes
    {
        public uint Input, Output, Control, Local;
        public fixed byte Rest[44];
    }

    [StructLayout(LayoutKind.Sequential)]
    private struct WindowSize
    {
        public ushort Rows, Columns, Width, Height;
    }

    public static bool IsTerminal(int fd)
    {
        Attributes attributes;
        return Libc.ioctl(fd, GetAttributes, &attributes) == 0;
    }

    public static TerminalSize Size(int fd)
    {
        WindowSize size;
        Libc.Check(Libc.ioctl(fd, GetWindowSize, &size), "get the terminal's size");
        return new TerminalSize(size.Rows, size.Columns);
    }

    public static void Resize(int fd, TerminalSize size)
    {
        var window = new WindowSize { Rows = size.Rows, Columns = size.Columns };
        Libc.Check(Libc.ioctl(fd, SetWindowSize, &window), "set the terminal's size");
    }

    /// <summary>Passes every key on as it is, until disposed.</summary>
    public static IDisposable MakeRaw(int fd) => new RawMode(fd);

    /// <summary>Opens a new terminal in the devpts of a root directory, such as a running container's /proc/PID/root.</summary>
    public static (SafeFileHandle Master, SafeFileHandle Slave) Open(SafeHandle root)
    {
        var master = FileSystem.OpenInRoot(root, "dev/pts/ptmx", OpenFlags.ReadWrite | OpenFlags.NoTerminal);
        StatFs status;
        Libc.Check(Libc.fstatfs(master.Number(), &status), "statfs of /dev/pts/ptmx");
        // The container may have put any file there.
        if (status.Type != DevPts)
            throw new IOException("/dev/pts of the container is no devpts; a terminal needs one");
        var zero = 0;
        Libc.Check(Libc.ioctl(master.Number(), Unlock, &zero), "unlock the terminal");
        var flags = OpenFlags.ReadWrite | OpenFlags.NoTerminal | OpenFlags.CloseOnExec;
        var slave = Libc.Check(Libc.ioctl(master.Number(), OpenPeer, (void*)(nint)flags), "open the terminal's other side");
        return (master, new SafeFileHandle(slave, true));
    }

    private sealed class RawMode : IDisposable
    {
        private readonly int _fd;
        private readonly Attributes _before;

        public RawMode(int fd)
        {
            _fd = fd;
            Attributes attributes;
            Libc.Check(Libc.ioctl(fd, GetAttributes, &attributes), "get the terminal's attributes");
            _before = attributes;
            // cfmakeraw(3), by the kernel's bits.
            attributes.Input &= ~0x5EBu;
            attributes.Output &= ~0x1u;
            attributes.Local &= ~0x804Bu;
            attributes.Control = (attributes.Control & ~0x130u) | 0x30u;
            Libc.Check(Libc.ioctl(fd, SetAttributes, &attributes), "set the terminal's attributes");
        }

        public void Dispose()
        {
            var before = _before;
            _ = Libc.ioctl(_fd, SetAttributes, &before);
        }
    }
}
