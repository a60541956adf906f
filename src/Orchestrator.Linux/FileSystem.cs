using System.Runtime.InteropServices;
using System.Text;
using Microsoft.Win32.SafeHandles;

namespace Orchestrator.Linux;

[Flags]
public enum OpenFlags
{
    ReadOnly = 0,
    WriteOnly = 1,
    ReadWrite = 2,
    Create = 0x40,
    Exclusive = 0x80,
    NoTerminal = 0x100,
    Truncate = 0x200,
    Append = 0x400,
    NonBlocking = 0x800,
    Directory = 0x10000,
    NoFollow = 0x20000,
    CloseOnExec = 0x80000,
    Path = 0x200000,
}

/// <summary>How openat2 walks a path that the program inside the root may have made.</summary>
[Flags]
public enum ResolveFlags : ulong
{
    NoCrossDevice = 1,
    NoMagicLinks = 2,
    NoSymlinks = 4,
    Beneath = 8,
    InRoot = 16,
}

public enum FileKind : uint
{
    Fifo = 0x1000,
    CharacterDevice = 0x2000,
    Directory = 0x4000,
    BlockDevice = 0x6000,
    Regular = 0x8000,
    SymbolicLink = 0xA000,
    Socket = 0xC000,
}

public readonly record struct FileStatus(
    FileKind Kind, uint Permissions, uint Uid, uint Gid, ulong Size, ulong Inode, uint Links, ulong Device, ulong DeviceOfNode,
    long ModifiedSeconds, uint ModifiedNanoseconds);

public readonly record struct FileSystemSpace(long MagicType, ulong TotalBytes, ulong FreeBytes, ulong AvailableBytes);

/// <summary>What the file API of .NET cannot do: owners, nodes, links, times, and walks inside a root. Nothing here follows a final symbolic link.</summary>
public static unsafe class FileSystem
{
    /// <summary>The current directory, where a call takes a directory's descriptor.</summary>
    public const int CurrentDirectory = -100;

    private const int SymlinkNoFollow = 0x100, RemoveDirectory = 0x200, EmptyPath = 0x1000;
    private const uint BasicStats = 0x7ff;
    private const int SmallFile = 4096;

    [StructLayout(LayoutKind.Sequential)]
    private struct OpenHow
    {
        public ulong Flags, Mode;
        public ResolveFlags Resolve;
    }

    public static ulong DeviceNumber(uint major, uint minor) =>
        (minor & 0xff) | ((major & 0xfff) << 8) | ((ulong)(minor & ~0xffu) << 12) | ((ulong)(major & ~0xfffu) << 32);

    public static SafeFileHandle Open(string path, OpenFlags flags, uint mode = 0)
    {
        fixed (byte* p = Libc.Z(path))
            return new SafeFileHandle(Libc.Check(Libc.open(p, (int)(flags | OpenFlags.CloseOnExec), mode), $"open {path}"), true);
    }

    /// <summary>openat2: by default an absolute path or link means one inside <paramref name="directory"/>, and nothing leads out of it.</summary>
    public static SafeFileHandle OpenInRoot(
        SafeHandle directory, string path, OpenFlags flags, uint mode = 0, ResolveFlags resolve = ResolveFlags.InRoot | ResolveFlags.NoMagicLinks) =>
        new(OpenInRoot((int)directory.DangerousGetHandle(), path, flags, mode, resolve), true);

    /// <summary>Null when there is nothing at the path.</summary>
    public static SafeFileHandle? FindInRoot(SafeHandle directory, string path, OpenFlags flags)
    {
        var how = new OpenHow { Flags = (ulong)(flags | OpenFlags.CloseOnExec), Resolve = ResolveFlags.InRoot | ResolveFlags.NoMagicLinks };
        fixed (byte* p = Libc.Z(path))
        {
            var fd = OpenInRoot(directory.Number(), p, &how);
            return fd < 0 && Marshal.GetLastSystemError() is Errno.ENOENT or Errno.ENOTDIR ? null : new((int)Libc.Check(fd, $"open {path}"), true);
        }
    }

    public static int OpenInRoot(int directory, string path, OpenFlags flags, uint mode, ResolveFlags resolve)
    {
        var how = new OpenHow { Flags = (ulong)(flags | OpenFlags.CloseOnExec), Mode = mode, Resolve = resolve };
        fixed (byte* p = Libc.Z(path))
            return (int)Libc.Check(OpenInRoot(directory, p, &how), $"open {path}");
    }

    private static nint OpenInRoot(int directory, byte* path, OpenHow* how)
    {
        while (true)
        {
            var fd = Libc.syscall(437, directory, (nint)path, (nint)how, sizeof(OpenHow), 0, 0);
            // EAGAIN: a rename raced with the walk.
            if (fd >= 0 || Marshal.GetLastSystemError() != Errno.EAGAIN)
                return fd;
        }
    }

    public static void ChangeOwner(string path, uint uid, uint gid, int directory = CurrentDirectory)
    {
        fixed (byte* p = Libc.Z(path))
            Libc.Check(Libc.fchownat(directory, p, uid, gid, SymlinkNoFollow), $"chown {path}");
    }

    public static void ChangeOwner(SafeHandle file, uint uid, uint gid) =>
        Libc.Check(Libc.fchown((int)file.DangerousGetHandle(), uid, gid), "fchown");

    /// <summary>Sets permissions with set-id and sticky bits; a symbolic link is followed, as Linux gives links no mode.</summary>
    public static void ChangeMode(string path, uint mode, int directory = CurrentDirectory)
    {
        fixed (byte* p = Libc.Z(path))
            Libc.Check(Libc.fchmodat(directory, p, mode, 0), $"chmod {path}");
    }

    public static void MakeNode(string path, FileKind kind, uint permissions, ulong device = 0, int directory = CurrentDirectory)
    {
        fixed (byte* p = Libc.Z(path))
            Libc.Check(Libc.mknodat(directory, p, (uint)kind | permissions, device), $"mknod {path}");
    }

    public static void MakeDirectory(string path, uint mode, int directory = CurrentDirectory)
    {
        fixed (byte* p = Libc.Z(path))
            Libc.Check(Libc.mkdirat(directory, p, mode), $"mkdir {path}");
    }

    /// <summary>For where a refusal is ordinary: an exception costs a hundred times the call.</summary>
    /// <returns>0, or the errno.</returns>
    public static int TryMakeDirectory(string path, uint mode)
    {
        fixed (byte* p = Libc.Z(path))
            return Libc.mkdirat(CurrentDirectory, p, mode) == 0 ? 0 : Marshal.GetLastSystemError();
    }

    /// <inheritdoc cref="TryMakeDirectory"/>
    public static int TryRemoveDirectory(string path)
    {
        fixed (byte* p = Libc.Z(path))
            return Libc.unlinkat(CurrentDirectory, p, RemoveDirectory) == 0 ? 0 : Marshal.GetLastSystemError();
    }

    public static void MakeSymbolicLink(string target, string path, int directory = CurrentDirectory)
    {
        fixed (byte* t = Libc.Z(target), p = Libc.Z(path))
            Libc.Check(Libc.symlinkat(t, directory, p), $"symlink {path}");
    }

    public static void MakeHardLink(string from, string to, int fromDirectory = CurrentDirectory, int toDirectory = CurrentDirectory)
    {
        fixed (byte* f = Libc.Z(from), t = Libc.Z(to))
            Libc.Check(Libc.linkat(fromDirectory, f, toDirectory, t, 0), $"link {from} to {to}");
    }

    public static void Rename(string from, string to, int fromDirectory = CurrentDirectory, int toDirectory = CurrentDirectory)
    {
        fixed (byte* f = Libc.Z(from), t = Libc.Z(to))
            Libc.Check(Libc.renameat2(fromDirectory, f, toDirectory, t, 0), $"rename {from} to {to}");
    }

    /// <summary>Writes a file of the kernel's, such as a control group's: one call, nothing else.</summary>
    public static void WriteText(string path, string text)
    {
        using var file = Open(path, OpenFlags.WriteOnly);
        FileDescriptors.Write(file.Number(), text);
    }

    /// <summary>Writes a file of our own, new or over what was there.</summary>
    public static void WriteAll(string path, ReadOnlySpan<byte> bytes)
    {
        using var file = Open(path, OpenFlags.WriteOnly | OpenFlags.Create | OpenFlags.Truncate, 0x1A4);
        FileDescriptors.Write(file.Number(), bytes);
    }

    /// <summary>The whole of a small file. Without the file API of .NET: that asks and locks around each read, which is most of the time for a file of /proc.</summary>
    /// <exception cref="LinuxException">It is not there, or not to be read.</exception>
    public static byte[] ReadAll(string path)
    {
        using var file = Open(path, OpenFlags.ReadOnly);
        Span<byte> buffer = stackalloc byte[SmallFile];
        var length = 0;
        while (FileDescriptors.Read(file.Number(), buffer[length..]) is var count and > 0)
        {
            length += count;
            if (length < buffer.Length)
                continue;
            var larger = new byte[4 * length];
            buffer.CopyTo(larger);
            buffer = larger;
        }
        return buffer[..length].ToArray();
    }

    /// <inheritdoc cref="ReadAll"/>
    public static string ReadText(string path) => Encoding.UTF8.GetString(ReadAll(path));

    /// <summary>Whether anything is at a path; a final symbolic link is not followed.</summary>
    public static bool Exists(string path)
    {
        StatX s;
        fixed (byte* p = Libc.Z(path))
            return Libc.statx(CurrentDirectory, p, SymlinkNoFollow, 0, &s) == 0;
    }

    /// <summary>Reads what fits of a file, without allocating for it. 0 also when it is not there.</summary>
    public static int ReadBeginning(string path, Span<byte> buffer)
    {
        try
        {
            using var file = Open(path, OpenFlags.ReadOnly);
            return Math.Max(0, FileDescriptors.Read(file.Number(), buffer));
        }
        catch (LinuxException)
        {
            return 0;
        }
    }

    /// <summary>False when there was nothing to remove.</summary>
    public static bool Remove(string path, bool directoryNode = false, int directory = CurrentDirectory)
    {
        fixed (byte* p = Libc.Z(path))
        {
            if (Libc.unlinkat(directory, p, directoryNode ? RemoveDirectory : 0) == 0)
                return true;
            var error = Libc.Error($"remove {path}");
            return error.Errno == Errno.ENOENT ? false : throw error;
        }
    }

    public static void SetTimes(string path, long modifiedSeconds, long modifiedNanoseconds, int directory = CurrentDirectory)
    {
        var modified = new TimeSpec { Seconds = modifiedSeconds, Nanoseconds = modifiedNanoseconds };
        var times = stackalloc TimeSpec[2] { modified, modified };
        fixed (byte* p = Libc.Z(path))
            Libc.Check(Libc.utimensat(directory, p, times, SymlinkNoFollow), $"utimensat {path}");
    }

    /// <summary>Null when the path does not exist.</summary>
    public static FileStatus? Status(string path, int directory = CurrentDirectory)
    {
        StatX s;
        fixed (byte* p = Libc.Z(path))
        {
            if (Libc.statx(directory, p, SymlinkNoFollow | (path.Length == 0 ? EmptyPath : 0), BasicStats, &s) == 0)
                return FromStatX(s);
            var error = Libc.Error($"stat {path}");
            return error.Errno is Errno.ENOENT or Errno.ENOTDIR ? null : throw error;
        }
    }

    public static FileStatus Status(SafeHandle file) => Status("", (int)file.DangerousGetHandle())!.Value;

    public static FileSystemSpace Space(string path)
    {
        StatFs s;
        fixed (byte* p = Libc.Z(path))
            Libc.Check(Libc.statfs(p, &s), $"statfs {path}");
        var block = (ulong)s.BlockSize;
        return new FileSystemSpace(s.Type, s.Blocks * block, s.BlocksFree * block, s.BlocksAvailable * block);
    }

    /// <summary>An exclusive advisory lock on an open file, held until it is closed. False when another holds it.</summary>
    public static bool TryLock(SafeHandle file)
    {
        const int exclusive = 2, nonBlocking = 4;
        if (Libc.flock((int)file.DangerousGetHandle(), exclusive | nonBlocking) == 0)
            return true;
        var error = Libc.Error("flock");
        return error.Errno == Errno.EAGAIN ? false : throw error;
    }

    /// <summary>Waits for a shared advisory lock, which keeps exclusive ones away.</summary>
    public static void LockShared(SafeHandle file) => Libc.Check(Libc.flock((int)file.DangerousGetHandle(), 1), "flock");

    /// <summary>Waits for the exclusive advisory lock.</summary>
    public static void Lock(SafeHandle file) => Libc.Check(Libc.flock((int)file.DangerousGetHandle(), 2), "flock");

    internal static FileStatus FromStatX(in StatX s) => new(
        (FileKind)(s.Mode & 0xF000u), s.Mode & 0xFFFu, s.Uid, s.Gid, s.Size, s.Inode, s.Links,
        DeviceNumber(s.OwnerMajor, s.OwnerMinor), DeviceNumber(s.DeviceMajor, s.DeviceMinor), s.ModifySeconds, s.ModifyNanoseconds);
}
