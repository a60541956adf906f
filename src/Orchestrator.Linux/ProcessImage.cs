using System.Globalization;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Orchestrator.Linux;

/// <summary>This process' own program.</summary>
public static unsafe class ProcessImage
{
    private const string Self = "/proc/self/exe";
    private const int EmptyPath = 0x1000, PagesMax = 1 << 14;

    /// <summary>The program's file.</summary>
    public static string Path => File.ResolveLinkTarget(Self, false)!.FullName;

    public static int Pid => Libc.getpid();

    public static uint Uid => Libc.getuid();

    /// <summary>Tells a program's file from one that takes its place.</summary>
    public static string Identity(string program)
    {
        using var file = FileSystem.Open(program, OpenFlags.Path);
        var status = FileSystem.Status(file);
        return string.Create(CultureInfo.InvariantCulture, $"{status.Device}:{status.Inode}:{status.Size}:{status.ModifiedSeconds}.{status.ModifiedNanoseconds}");
    }

    public static uint Gid => Libc.getgid();

    /// <summary>True when nobody can write to this program through /proc/PID/exe: it lies on a read-only mount.</summary>
    public static bool IsSealed()
    {
        const long readOnly = 1;
        StatFs status;
        fixed (byte* path = Libc.Z(Self))
            Libc.Check(Libc.statfs(path, &status), "statfs " + Self);
        return (status.Flags & readOnly) != 0;
    }

    /// <summary>
    /// This program on a detached, read-only mount of its own. A process started from it can be let into a container: root in there cannot
    /// write through its /proc/PID/exe to the program on the host (CVE-2019-5736).
    /// </summary>
    public static SafeFileHandle OpenSealed() => OpenSealed(Path);

    /// <summary>The same of another program.</summary>
    public static SafeFileHandle OpenSealed(string program)
    {
        const int openTree = 428, setAttributes = 442, here = -100, clone = 1, closeOnExec = 0x80000;
        var readOnly = stackalloc ulong[4] { 1, 0, 0, 0 };
        fixed (byte* path = Libc.Z(program), empty = Libc.Z(""))
        {
            var tree = (int)Libc.Check(Libc.syscall(openTree, here, (nint)path, clone | closeOnExec, 0, 0, 0), $"open_tree of {program}");
            Libc.Check(Libc.syscall(setAttributes, tree, (nint)empty, EmptyPath, (nint)readOnly, 32, 0), $"mount_setattr of {program}");
            return new SafeFileHandle(tree, true);
        }
    }

    /// <summary>Where this program's code and constants lie in memory, for <see cref="ForgetCode"/>: the file's mappings up to the first that can be written.</summary>
    public static (nint Start, nint Length) FindCode()
    {
        nint start = 0, end = 0;
        foreach (var line in File.ReadLines("/proc/self/maps").TakeWhile(l => l.Split(' ')[1][1] != 'w'))
        {
            var ends = line.Split(' ')[0].Split('-').Select(e => nint.Parse(e, NumberStyles.HexNumber, CultureInfo.InvariantCulture)).ToArray();
            if (end != 0 && ends[0] != end)
                break;
            start = start == 0 ? ends[0] : start;
            end = ends[1];
        }
        return (start, end - start);
    }

    /// <summary>Code that ran, and constants that it read, are no longer counted as this process'; what is needed again comes back from the page cache.</summary>
    public static void ForgetCode((nint Start, nint Length) code)
    {
        const int dontNeed = 4, pageSize = 4096;
        Span<ulong> pages = stackalloc ulong[(int)Math.Min(code.Length / pageSize, PagesMax)];
        using (var map = FileSystem.Open("/proc/self/pagemap", OpenFlags.ReadOnly))
            FileDescriptors.ReadAt(map.Number(), MemoryMarshal.AsBytes(pages), code.Start / pageSize * sizeof(ulong));
        for (var i = 0; i < pages.Length; i++)
        {
            var first = i;
            while (i < pages.Length && !IsOwn(pages[i]))
                i++;
            if (i > first)
                _ = Libc.madvise((void*)(code.Start + first * pageSize), (nuint)((i - first) * pageSize), dontNeed);
        }
    }

    // Neither missing nor the file's: written at the start, when the runtime sealed its tables. It would come back as it was before.
    private static bool IsOwn(ulong page)
    {
        const ulong presentOrSwapped = 3UL << 62, ofFile = 1UL << 61;
        return (page & presentOrSwapped) != 0 && (page & ofFile) == 0;
    }

    /// <summary>Becomes another program; returns only by an exception.</summary>
    /// <param name="program">An open program, as from <see cref="OpenSealed()"/>.</param>
    public static void Execute(SafeFileHandle program, IReadOnlyList<string> arguments, IEnumerable<string> environment)
    {
        const int executeAt = 322;
        using var argv = new NativeStrings(arguments);
        using var envp = new NativeStrings(environment);
        fixed (byte* empty = Libc.Z(""))
            Libc.Check(Libc.syscall(executeAt, program.Number(), (nint)empty, (nint)argv.Pointer, (nint)envp.Pointer, EmptyPath, 0), "execute " + arguments[0]);
    }
}
