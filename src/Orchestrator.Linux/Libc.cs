using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text;

[assembly: DisableRuntimeMarshalling]

namespace Orchestrator.Linux;

/// <summary>The C library as it is: blittable signatures, -1 and errno. Everything public wraps these and throws <see cref="LinuxException"/>.</summary>
internal static unsafe partial class Libc
{
    private const string Name = "libc";

    [DllImport(Name)] public static extern nint syscall(nint number, nint a, nint b, nint c, nint d, nint e, nint f);

    [DllImport(Name)] public static extern int open(byte* path, int flags, uint mode);
    [DllImport(Name)] public static extern int openat(int directory, byte* path, int flags, uint mode);
    [DllImport(Name)] public static extern int close(int fd);
    [DllImport(Name)] public static extern nint read(int fd, void* buffer, nint count);
    [DllImport(Name)] public static extern nint write(int fd, void* buffer, nint count);
    [DllImport(Name)] public static extern nint pread(int fd, void* buffer, nint count, nint offset);
    [DllImport(Name)] public static extern nint pwrite(int fd, void* buffer, nint count, nint offset);
    [DllImport(Name)] public static extern int ftruncate(int fd, nint size);
    [DllImport(Name)] public static extern int syncfs(int fd);
    [DllImport(Name)] public static extern nint getdents64(int fd, void* buffer, nuint size);
    [DllImport(Name)] public static extern int dup2(int from, int to);
    [DllImport(Name)] public static extern int dup3(int from, int to, int flags);
    [DllImport(Name)] public static extern int fcntl(int fd, int command, nint argument);
    [DllImport(Name)] public static extern int ioctl(int fd, nuint request, void* argument);
    [DllImport(Name)] public static extern int pipe2(int* fds, int flags);
    [DllImport(Name)] public static extern int flock(int fd, int operation);
    [DllImport(Name)] public static extern int fsync(int fd);
    [DllImport(Name)] public static extern int fchown(int fd, uint uid, uint gid);
    [DllImport(Name)] public static extern int fchownat(int directory, byte* path, uint uid, uint gid, int flags);
    [DllImport(Name)] public static extern int fchmodat(int directory, byte* path, uint mode, int flags);
    [DllImport(Name)] public static extern int mknodat(int directory, byte* path, uint mode, ulong device);
    [DllImport(Name)] public static extern int mkdirat(int directory, byte* path, uint mode);
    [DllImport(Name)] public static extern int unlinkat(int directory, byte* path, int flags);
    [DllImport(Name)] public static extern int linkat(int fromDirectory, byte* from, int toDirectory, byte* to, int flags);
    [DllImport(Name)] public static extern int symlinkat(byte* target, int directory, byte* path);
    [DllImport(Name)] public static extern int renameat2(int fromDirectory, byte* from, int toDirectory, byte* to, uint flags);
    [DllImport(Name)] public static extern nint readlinkat(int directory, byte* path, byte* buffer, nint size);
    [DllImport(Name)] public static extern int utimensat(int directory, byte* path, TimeSpec* times, int flags);
    [DllImport(Name)] public static extern int statx(int directory, byte* path, int flags, uint mask, StatX* result);
    [DllImport(Name)] public static extern int statfs(byte* path, StatFs* result);
    [DllImport(Name)] public static extern int fstatfs(int fd, StatFs* result);
    [DllImport(Name)] public static extern int lsetxattr(byte* path, byte* name, byte* value, nuint size, int flags);
    [DllImport(Name)] public static extern nint lgetxattr(byte* path, byte* name, byte* value, nuint size);
    [DllImport(Name)] public static extern nint llistxattr(byte* path, byte* list, nuint size);
    [DllImport(Name)] public static extern int lremovexattr(byte* path, byte* name);

    [DllImport(Name)] public static extern int mount(byte* source, byte* target, byte* type, nuint flags, byte* data);
    [DllImport(Name)] public static extern int umount2(byte* target, int flags);
    [DllImport(Name)] public static extern int unshare(int flags);
    [DllImport(Name)] public static extern int setns(int fd, int type);

    [DllImport(Name)] public static extern int poll(PollEntry* entries, nuint count, int timeoutMs);
    [DllImport(Name)] public static extern int eventfd(uint initial, int flags);
    [DllImport(Name)] public static extern int inotify_init1(int flags);
    [DllImport(Name)] public static extern int inotify_add_watch(int fd, byte* path, uint mask);
    [DllImport(Name)] public static extern int signalfd(int fd, ulong* mask, int flags);
    [DllImport(Name)] public static extern int memfd_create(byte* name, uint flags);
    [DllImport(Name)] public static extern int getrlimit(int resource, ulong* limit);
    [DllImport(Name)] public static extern int setrlimit(int resource, ulong* limit);
    [DllImport(Name)] public static extern int getpid();
    [DllImport(Name)] public static extern uint getuid();
    [DllImport(Name)] public static extern uint getgid();
    [DllImport(Name)] public static extern int kill(int pid, int signal);
    [DllImport(Name)] public static extern int setsid();
    [DllImport(Name)] public static extern uint umask(uint mask);
    [DllImport(Name)] public static extern int chdir(byte* path);
    [DllImport(Name)] public static extern int prctl(int option, nuint a, nuint b, nuint c, nuint d);
    [DllImport(Name)] public static extern int execve(byte* path, byte** arguments, byte** environment);
    [DllImport(Name)] public static extern void* mmap(void* address, nuint length, int protection, int flags, int fd, nint offset);
    [DllImport(Name)] public static extern int mprotect(void* address, nuint length, int protection);
    [DllImport(Name)] public static extern int madvise(void* address, nuint length, int advice);
    [DllImport(Name)] public static extern int munmap(void* address, nuint length);
    [DllImport(Name)] public static extern void _exit(int status);

    /// <summary>A null-terminated copy, fit for <c>fixed</c>.</summary>
    public static byte[] Z(string text)
    {
        if (text.Contains('\0', StringComparison.Ordinal))
            throw new ArgumentException("a string for the kernel cannot contain a NUL", nameof(text));
        var bytes = new byte[Encoding.UTF8.GetByteCount(text) + 1];
        Encoding.UTF8.GetBytes(text, bytes);
        return bytes;
    }

    public static int Check(int result, string what) => result < 0 ? throw Error(what) : result;

    public static nint Check(nint result, string what) => result < 0 ? throw Error(what) : result;

    /// <summary>Reads errno: call it directly after the failed call.</summary>
    public static LinuxException Error(string what) => new(Marshal.GetLastSystemError(), what);
}

[StructLayout(LayoutKind.Sequential)]
internal struct TimeSpec
{
    public long Seconds;
    public long Nanoseconds;
}

[StructLayout(LayoutKind.Sequential)]
internal struct PollEntry
{
    public int Fd;
    public short Events;
    public short Returned;
}

/// <summary>struct statx: the same on every architecture, unlike struct stat.</summary>
[StructLayout(LayoutKind.Sequential, Size = 256)]
internal struct StatX
{
    public uint Mask, BlockSize;
    public ulong Attributes;
    public uint Links, Uid, Gid;
    public ushort Mode, Spare;
    public ulong Inode, Size, Blocks, AttributesMask;
    public long AccessSeconds;
    public uint AccessNanoseconds;
    private int _pad1;
    public long BirthSeconds;
    public uint BirthNanoseconds;
    private int _pad2;
    public long ChangeSeconds;
    public uint ChangeNanoseconds;
    private int _pad3;
    public long ModifySeconds;
    public uint ModifyNanoseconds;
    private int _pad4;
    public uint DeviceMajor, DeviceMinor, OwnerMajor, OwnerMinor;
}

[StructLayout(LayoutKind.Sequential, Size = 120)]
internal struct StatFs
{
    public long Type, BlockSize;
    public ulong Blocks, BlocksFree, BlocksAvailable, Files, FilesFree, Id;
    public long NameLength, FragmentSize, Flags;
}
