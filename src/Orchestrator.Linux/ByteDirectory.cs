using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text;
using Microsoft.Win32.SafeHandles;

namespace Orchestrator.Linux;

/// <summary>
/// A directory whose entries are named by the bytes that the kernel knows, for trees that strangers made: no name is lost to
/// text encoding, no operation follows a final symbolic link, and <see cref="Enter"/> cannot leave the directory.
/// </summary>
public sealed unsafe class ByteDirectory : IDisposable
{
    private const int SymlinkNoFollow = 0x100, RemoveDirectory = 0x200;
    private const int DepthMax = 256;

    private readonly SafeFileHandle _handle;

    private ByteDirectory(SafeFileHandle handle) => _handle = handle;

    private int Fd => (int)_handle.DangerousGetHandle();

    public static ByteDirectory Open(string path) => new(FileSystem.Open(path, OpenFlags.Directory | OpenFlags.NoFollow));

    /// <summary>Opens a directory beneath; an absolute path or link means one inside this directory. Null when it does not exist or is none (<paramref name="errno"/>).</summary>
    public ByteDirectory? Enter(ReadOnlySpan<byte> path, out int errno)
    {
        errno = 0;
        const ulong inRootNoMagicLinks = (ulong)(ResolveFlags.InRoot | ResolveFlags.NoMagicLinks);
        var how = stackalloc ulong[3] { (ulong)(OpenFlags.Directory | OpenFlags.CloseOnExec), 0, inRootNoMagicLinks };
        fixed (byte* p = Z(path.IsEmpty ? "."u8 : path))
        {
            while (true)
            {
                var fd = Libc.syscall(437, Fd, (nint)p, (nint)how, 24, 0, 0);
                if (fd >= 0)
                    return new ByteDirectory(new SafeFileHandle(fd, true));
                errno = Marshal.GetLastSystemError();
                if (errno is Errno.ENOENT or Errno.ENOTDIR or Errno.ELOOP)
                    return null;
                if (errno != Errno.EAGAIN)
                    throw Error("open directory", path);
            }
        }
    }

    /// <summary>False when the name is taken; so for all that make something here.</summary>
    public bool TryMakeDirectory(ReadOnlySpan<byte> name, uint mode)
    {
        fixed (byte* n = Z(name))
            return Made(Libc.mkdirat(Fd, n, mode), "mkdir", name);
    }

    /// <summary>A new file open for writing; null when the name is taken.</summary>
    public SafeFileHandle? TryCreateFile(ReadOnlySpan<byte> name)
    {
        const OpenFlags flags = OpenFlags.WriteOnly | OpenFlags.Create | OpenFlags.Exclusive | OpenFlags.NoFollow | OpenFlags.CloseOnExec;
        fixed (byte* n = Z(name))
        {
            var fd = Libc.openat(Fd, n, (int)flags, 0x180);
            return Made(fd, "create", name) ? new SafeFileHandle(fd, true) : null;
        }
    }

    public bool TryMakeNode(ReadOnlySpan<byte> name, FileKind kind, ulong device = 0)
    {
        fixed (byte* n = Z(name))
            return Made(Libc.mknodat(Fd, n, (uint)kind | 0x180, device), "mknod", name);
    }

    public bool TryMakeSymbolicLink(ReadOnlySpan<byte> name, ReadOnlySpan<byte> target)
    {
        fixed (byte* n = Z(name), t = Z(target))
            return Made(Libc.symlinkat(t, Fd, n), "symlink", name);
    }

    public bool TryMakeHardLink(ReadOnlySpan<byte> name, ByteDirectory targetDirectory, ReadOnlySpan<byte> target)
    {
        fixed (byte* n = Z(name), t = Z(target))
            return Made(Libc.linkat(targetDirectory.Fd, t, Fd, n, 0), "link", name);
    }

    /// <summary>Null when there is no such entry.</summary>
    public FileStatus? Status(ReadOnlySpan<byte> name)
    {
        StatX s;
        fixed (byte* n = Z(name))
        {
            if (Libc.statx(Fd, n, SymlinkNoFollow, 0x7ff, &s) == 0)
                return FileSystem.FromStatX(s);
            return Marshal.GetLastSystemError() == Errno.ENOENT ? null : throw Error("stat", name);
        }
    }

    public void SetOwner(ReadOnlySpan<byte> name, uint uid, uint gid)
    {
        fixed (byte* n = Z(name))
            Check(Libc.fchownat(Fd, n, uid, gid, SymlinkNoFollow), "chown", name);
    }

    /// <summary>Not for symbolic links: they have no mode and would be followed.</summary>
    public void SetMode(ReadOnlySpan<byte> name, uint mode)
    {
        fixed (byte* n = Z(name))
            Check(Libc.fchmodat(Fd, n, mode, 0), "chmod", name);
    }

    public void SetModifiedTime(ReadOnlySpan<byte> name, long seconds, uint nanoseconds)
    {
        var time = new TimeSpec { Seconds = seconds, Nanoseconds = nanoseconds };
        var times = stackalloc TimeSpec[2] { time, time };
        fixed (byte* n = Z(name))
            Check(Libc.utimensat(Fd, n, times, SymlinkNoFollow), "utimensat", name);
    }

    /// <summary>False when the file system, or this kind of file, cannot have the attribute.</summary>
    public bool SetAttribute(ReadOnlySpan<byte> name, string attribute, ReadOnlySpan<byte> value)
    {
        fixed (byte* p = Z([.. Encoding.ASCII.GetBytes($"/proc/self/fd/{Fd}/"), .. name]), a = Libc.Z(attribute), v = value)
        {
            if (Libc.lsetxattr(p, a, v, (nuint)value.Length, 0) == 0)
                return true;
            // User attributes on links and devices are refused with EPERM by design.
            var errno = Marshal.GetLastSystemError();
            return errno == Errno.EOPNOTSUPP || (errno == Errno.EPERM && attribute.StartsWith("user.", StringComparison.Ordinal)) ? false : throw Error($"set xattr {attribute} of", name);
        }
    }

    /// <summary>Writes data at an offset of a file.</summary>
    public static void Write(SafeFileHandle file, ReadOnlySpan<byte> data, long offset)
    {
        fixed (byte* d = data)
        {
            for (var done = 0; done < data.Length;)
            {
                var written = Libc.pwrite((int)file.DangerousGetHandle(), d + done, data.Length - done, (nint)(offset + done));
                if (written < 0 && Marshal.GetLastSystemError() == Errno.EINTR)
                    continue;
                done += (int)Libc.Check(written, "write");
            }
        }
    }

    public static void SetSize(SafeFileHandle file, long size) => Libc.Check(Libc.ftruncate((int)file.DangerousGetHandle(), (nint)size), "ftruncate");

    /// <summary>Writes back all that the directory's file system holds in memory.</summary>
    public void SyncFileSystem() => Libc.Check(Libc.syncfs(Fd), "syncfs");

    /// <summary>Removes an entry with all beneath it. False when there was none.</summary>
    public bool Remove(ReadOnlySpan<byte> name)
    {
        var flattened = 0;
        var existed = Remove(this, name.ToArray(), 0, ref flattened);
        for (var i = 0; i < flattened; i++)
            Remove(this, FlattenedName(i), 0, ref flattened);
        return existed;
    }

    /// <summary>The names in this directory.</summary>
    public List<byte[]> List()
    {
        var names = new List<byte[]>();
        var buffer = new byte[32768];
        fixed (byte* b = buffer)
        {
            using var handle = FileSystem.OpenInRoot(_handle, ".", OpenFlags.Directory);
            for (nint length; (length = Libc.Check(Libc.getdents64((int)handle.DangerousGetHandle(), b, (nuint)buffer.Length), "getdents64")) > 0;)
                AddNames(buffer.AsSpan(0, (int)length), names);
        }
        return names;
    }

    public void Dispose() => _handle.Dispose();

    private static void AddNames(ReadOnlySpan<byte> entries, List<byte[]> names)
    {
        while (entries.Length > 0)
        {
            // struct linux_dirent64: inode 8, offset 8, record length 2, type 1, name.
            var length = BinaryPrimitives.ReadUInt16LittleEndian(entries[16..]);
            var name = entries[19..length];
            name = name[..name.IndexOf((byte)0)];
            if (!name.SequenceEqual("."u8) && !name.SequenceEqual(".."u8))
                names.Add(name.ToArray());
            entries = entries[length..];
        }
    }

    /// <summary>A tree deeper than the stack likes is moved up to <paramref name="top"/>, to be removed from there.</summary>
    private bool Remove(ByteDirectory top, byte[] name, int depth, ref int flattened)
    {
        fixed (byte* n = Z(name))
        {
            if (Libc.unlinkat(Fd, n, 0) == 0)
                return true;
            var errno = Marshal.GetLastSystemError();
            if (errno == Errno.ENOENT)
                return false;
            if (errno is not (Errno.EISDIR or Errno.EPERM))
                throw Error("remove", name);
            if (depth == DepthMax)
            {
                fixed (byte* to = Z(FlattenedName(flattened)))
                    Check(Libc.renameat2(Fd, n, top.Fd, to, 0), "move up", name);
                flattened++;
                return true;
            }
            using (var directory = Child(name))
            {
                foreach (var child in directory.List())
                    directory.Remove(top, child, depth + 1, ref flattened);
            }
            Check(Libc.unlinkat(Fd, n, RemoveDirectory), "rmdir", name);
            return true;
        }
    }

    private ByteDirectory Child(byte[] name)
    {
        fixed (byte* n = Z(name))
        {
            var fd = Libc.openat(Fd, n, (int)(OpenFlags.Directory | OpenFlags.NoFollow | OpenFlags.CloseOnExec), 0);
            Check(fd, "open directory", name);
            return new ByteDirectory(new SafeFileHandle(fd, true));
        }
    }

    private static byte[] FlattenedName(int number) => Encoding.ASCII.GetBytes($".removed-{Environment.ProcessId}-{number}");

    private static bool Made(int result, string what, ReadOnlySpan<byte> name) =>
        result >= 0 || (Marshal.GetLastSystemError() == Errno.EEXIST ? false : throw Error(what, name));

    private static void Check(int result, string what, ReadOnlySpan<byte> name)
    {
        if (result < 0)
            throw Error(what, name);
    }

    private static LinuxException Error(string what, ReadOnlySpan<byte> name)
    {
        var errno = Marshal.GetLastSystemError();
        return new LinuxException(errno, $"{what} {Encoding.UTF8.GetString(name)}");
    }

    private static byte[] Z(ReadOnlySpan<byte> name) =>
        name.Contains((byte)0) ? throw new ArgumentException("a file name cannot contain a NUL", nameof(name)) : [.. name, 0];
}
