using System.Globalization;
using Microsoft.Win32.SafeHandles;

namespace Orchestrator.Linux.Cgroups;

/// <summary>Tells when the kernel runs out of memory for a group: an eventfd of version 1's, a watch on version 2's <c>memory.events</c>.</summary>
public sealed unsafe class OomWatch : IDisposable
{
    private const int CloseOnExec = 0x80000, NonBlocking = 0x800;
    private const uint Modified = 2;
    private readonly SafeFileHandle _event;
    private readonly CgroupValues _values;
    private readonly bool _isUnified;
    private ulong _seen;

    /// <exception cref="IOException">The group is gone, or the machine has no memory controller.</exception>
    public OomWatch(CgroupLayout layout, Cgroup group)
    {
        var directory = group.DirectoryOf("memory") ?? throw new IOException("out-of-memory events need the cgroup controller memory");
        _isUnified = layout.Find("memory") is { IsUnified: true };
        _values = new CgroupValues(group, "memory");
        _event = _isUnified ? Watch(directory) : Register(directory);
        _seen = Count();
    }

    /// <summary>Readable when something may have happened; then ask <see cref="Take"/>.</summary>
    public int Descriptor => _event.Number();

    /// <summary>How many there were since the last time.</summary>
    public long Take()
    {
        Span<byte> buffer = stackalloc byte[4096];
        var read = FileDescriptors.Read(_event.Number(), buffer);
        if (!_isUnified)
            return read == sizeof(ulong) ? (long)BitConverter.ToUInt64(buffer) : 0;
        var (before, now) = (_seen, Count());
        _seen = now;
        return (long)(now - before);
    }

    public void Dispose() => _event.Dispose();

    private ulong Count() => _isUnified ? _values.Table("memory.events").GetValueOrDefault("oom") : 0;

    private static SafeFileHandle Watch(string directory)
    {
        var watch = new SafeFileHandle(Libc.Check(Libc.inotify_init1(CloseOnExec | NonBlocking), "inotify_init1"), true);
        fixed (byte* path = Libc.Z(directory + "/memory.events"))
            Libc.Check(Libc.inotify_add_watch(watch.Number(), path, Modified), $"watch {directory}/memory.events");
        return watch;
    }

    private static SafeFileHandle Register(string directory)
    {
        var signal = new SafeFileHandle(Libc.Check(Libc.eventfd(0, CloseOnExec | NonBlocking), "eventfd"), true);
        using var control = FileSystem.Open(directory + "/memory.oom_control", OpenFlags.ReadOnly);
        File.WriteAllText(directory + "/cgroup.event_control", string.Create(CultureInfo.InvariantCulture, $"{signal.Number()} {control.Number()}"));
        return signal;
    }
}
