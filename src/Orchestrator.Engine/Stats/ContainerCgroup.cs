using System.Globalization;
using Orchestrator.Engine.Containers;
using Orchestrator.Linux.Cgroups;

namespace Orchestrator.Engine.Stats;

/// <summary>A running container's group: what it uses, and whether it stands still.</summary>
public sealed class ContainerCgroup
{
    private readonly CgroupLayout _layout = CgroupLayout.Read();
    private readonly Cgroup _group;

    private readonly CgroupFreezer _freezer;

    internal ContainerCgroup(string path)
    {
        _group = new Cgroup(_layout, path);
        _freezer = new CgroupFreezer(_layout, _group);
    }

    public IReadOnlySet<int> Processes => _group.Processes();

    /// <summary>Returns once every process stands still.</summary>
    /// <exception cref="ContainerException">A process of it hangs in the kernel, and all go on then; or the machine cannot pause.</exception>
    public async Task FreezeAsync()
    {
        try
        {
            await Task.Run(_freezer.Freeze);
        }
        catch (IOException e)
        {
            throw new ContainerException($"it cannot be paused: {e.Message}", e);
        }
    }

    public void Thaw() => _freezer.Thaw();

    /// <param name="pid">A process in the container's network.</param>
    public ContainerUsage Usage(int pid)
    {
        var (received, sent) = Traffic(pid);
        var (read, written) = BlockIo();
        return new ContainerUsage(CpuNs(), Memory(), Limit(), received, sent, read, written, Processes.Count);
    }

    private bool IsUnifiedMemory => _layout.Find("memory") is { IsUnified: true };

    private long CpuNs() => _layout.Find("cpuacct") is { IsUnified: false }
        ? ReadLong("cpuacct", "cpuacct.usage")
        : Field(_group.FilePath("cpu", "cpu.stat"), "usage_usec") * 1000;

    private long Memory()
    {
        var used = ReadLong("memory", IsUnifiedMemory ? "memory.current" : "memory.usage_in_bytes");
        var droppable = Field(_group.FilePath("memory", "memory.stat"), IsUnifiedMemory ? "inactive_file" : "total_inactive_file");
        return Math.Max(0, used - droppable);
    }

    private long Limit()
    {
        var limit = ReadLong("memory", IsUnifiedMemory ? "memory.max" : "memory.limit_in_bytes");
        // Version 1 says "none" as the largest number of pages.
        return limit >= long.MaxValue >> 1 ? 0 : limit;
    }

    private (long Read, long Written) BlockIo()
    {
        if (_layout.Find("io") is { IsUnified: true })
        {
            var fields = Lines(_group.FilePath("io", "io.stat")).SelectMany(l => l.Split(' ')).Select(f => f.Split('=')).Where(f => f.Length == 2).ToList();
            return (Sum(fields, "rbytes"), Sum(fields, "wbytes"));
        }
        var all = Lines(_group.FilePath("blkio", "blkio.throttle.io_service_bytes")).Select(l => l.Split(' ')).Where(f => f.Length == 3).Select(f => f[1..]).ToList();
        return (Sum(all, "Read"), Sum(all, "Write"));
    }

    private static long Sum(IEnumerable<string[]> fields, string name) =>
        fields.Where(f => f[0] == name).Sum(f => long.Parse(f[1], CultureInfo.InvariantCulture));

    private static (long Received, long Sent) Traffic(int pid)
    {
        var devices = Lines($"/proc/{pid}/net/dev").Where(l => l.Contains(':', StringComparison.Ordinal)).Select(l => l.Split(':'))
            .Where(l => l[0].Trim() != "lo").Select(l => l[1].Split(' ', StringSplitOptions.RemoveEmptyEntries)).ToList();
        return (devices.Sum(d => long.Parse(d[0], CultureInfo.InvariantCulture)), devices.Sum(d => long.Parse(d[8], CultureInfo.InvariantCulture)));
    }

    private long ReadLong(string controller, string file) =>
        Lines(_group.FilePath(controller, file)).FirstOrDefault() is { } text && long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var value) ? value : 0;

    private static long Field(string? file, string name) =>
        Lines(file).Select(l => l.Split(' ')).Where(f => f.Length == 2 && f[0] == name).Select(f => long.Parse(f[1], CultureInfo.InvariantCulture)).FirstOrDefault();

    // A container may end between two looks.
    private static string[] Lines(string? file)
    {
        try
        {
            return file is null ? [] : File.ReadAllLines(file);
        }
        catch (IOException)
        {
            return [];
        }
    }
}
