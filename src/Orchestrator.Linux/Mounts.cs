namespace Orchestrator.Linux;

[Flags]
public enum MountFlags : ulong
{
    None = 0,
    ReadOnly = 1,
    NoSetId = 2,
    NoDevices = 4,
    NoExecute = 8,
    Synchronous = 16,
    Remount = 32,
    NoSymbolicFollow = 256,
    NoAccessTime = 1024,
    NoDirectoryAccessTime = 2048,
    Bind = 4096,
    Move = 8192,
    Recursive = 16384,
    Silent = 32768,
    Unbindable = 1 << 17,
    Private = 1 << 18,
    Slave = 1 << 19,
    Shared = 1 << 20,
    RelativeAccessTime = 1 << 21,
    StrictAccessTime = 1 << 24,
}

public sealed record MountPoint(string Root, string Path, string FileSystem, string Source, string Options, string SuperOptions);

public static unsafe class Mounts
{
    private const int Detach = 2, NoFollow = 8;

    public static void Mount(string source, string target, string? type, MountFlags flags, string? data = null)
    {
        fixed (byte* s = Libc.Z(source), t = Libc.Z(target), k = type is null ? null : Libc.Z(type), d = data is null ? null : Libc.Z(data))
            Libc.Check(Libc.mount(s, t, k, (nuint)flags, d), $"mount {type ?? source} on {target}");
    }

    public static void Bind(string source, string target, bool recursive = false) =>
        Mount(source, target, null, MountFlags.Bind | (recursive ? MountFlags.Recursive : MountFlags.None));

    /// <summary>Detaches the mount at once; busy files stay usable. False when nothing is mounted there.</summary>
    public static bool Unmount(string target)
    {
        fixed (byte* t = Libc.Z(target))
        {
            if (Libc.umount2(t, Detach | NoFollow) == 0)
                return true;
            var error = Libc.Error($"unmount {target}");
            return error.Errno is Errno.EINVAL or Errno.ENOENT ? false : throw error;
        }
    }

    /// <summary>The mounts that a process sees (<c>self</c> or a pid).</summary>
    public static IReadOnlyList<MountPoint> Read(string process = "self") =>
        [.. File.ReadLines($"/proc/{process}/mountinfo").Select(Parse)];

    /// <summary>This process' mounts whose file system's name begins so. A busy machine has hundreds of others, which are not taken apart for it.</summary>
    public static IReadOnlyList<MountPoint> OfFileSystem(string beginning)
    {
        var found = new List<MountPoint>();
        foreach (var line in FileSystem.ReadText("/proc/self/mountinfo").AsSpan().EnumerateLines())
        {
            // Blanks in paths are escaped, so this stands before the file system's name alone.
            if (line.IndexOf(" - ") is var at and >= 0 && line[(at + 3)..].StartsWith(beginning))
                found.Add(Parse(line.ToString()));
        }
        return found;
    }

    /// <summary>One line of mountinfo(5).</summary>
    public static MountPoint Parse(string line)
    {
        var halves = line.Split(" - ", 2);
        var left = halves[0].Split(' ');
        var right = halves[1].Split(' ');
        return new MountPoint(Unescape(left[3]), Unescape(left[4]), right[0], Unescape(right[1]), left[5], right.Length > 2 ? right[2] : "");
    }

    private static string Unescape(string field) => field
        .Replace("\\040", " ", StringComparison.Ordinal).Replace("\\011", "\t", StringComparison.Ordinal)
        .Replace("\\012", "\n", StringComparison.Ordinal).Replace("\\134", "\\", StringComparison.Ordinal);
}
