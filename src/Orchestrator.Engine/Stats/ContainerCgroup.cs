using System.Globalization;
using Orchestrator.Engine.Containers;
using Orchestrator.Linux.Cgroups;
using Orchestrator.Oci.Runtime;

namespace Orchestrator.Engine.Stats;

/// <summary>A running container's group: what it uses, what it may, and whether it stands still.</summary>
public sealed class ContainerCgroup
{
    private static readonly TimeSpan s_pause = TimeSpan.FromMilliseconds(2);
    private const int Attempts = 5000;

    private readonly CgroupLayout _layout = CgroupLayout.Read();
    private readonly Cgroup _group;

    internal ContainerCgroup(string path) => _group = new Cgroup(_layout, path);

    public IReadOnlySet<int> Processes => _group.Processes();

    /// <summary>Returns once every process stands still.</summary>
    /// <exception cref="ContainerException">A process of it hangs in the kernel; all go on then.</exception>
    public async Task FreezeAsync(CancellationToken cancellation)
    {
        for (var attempt = 0; attempt < Attempts; attempt++)
        {
            // Version 1 needs to be asked again when a process was forked meanwhile.
            Write(FreezerFile, IsUnifiedFreezer ? "1" : "FROZEN");
            if (IsFrozen())
                return;
            await Task.Delay(s_pause, cancellation);
        }
        Thaw();
        throw new ContainerException("it cannot be paused: a process of it hangs in the kernel");
    }

    public void Thaw() => Write(FreezerFile, IsUnifiedFreezer ? "0" : "THAWED");

    /// <summary>Sets what is named; what is zero or empty stays as it is.</summary>
    /// <exception cref="ContainerException">The kernel refuses a value, as less memory than is used.</exception>
    public void Update(ContainerLimits limits)
    {
        var resources = BundleConfig.ResourcesOf(limits);
        if (resources.Memory is { } memory)
            UpdateMemory(memory);
        UpdateCpu(resources.Cpu);
        if (limits.Pids != 0)
            Set("pids", "pids.max", "pids.max", limits.Pids < 0 ? "max" : Text(limits.Pids));
        if (limits.BlkioWeight > 0 && _layout.Find("blkio") is not null)
            Set("blkio", "blkio.weight", "", Text(limits.BlkioWeight));
    }

    /// <param name="pid">A process in the container's network.</param>
    public ContainerUsage Usage(int pid)
    {
        var (received, sent) = Traffic(pid);
        var (read, written) = BlockIo();
        return new ContainerUsage(CpuNs(), Memory(), Limit(), received, sent, read, written, Processes.Count);
    }

    private bool IsUnifiedFreezer => _layout.Find("freezer") is null or { IsUnified: true };

    private string FreezerFile => (IsUnifiedFreezer && _layout.Unified is { } unified ? $"{unified.Directory(_group.Path)}/cgroup.freeze" : _group.FilePath("freezer", "freezer.state"))
        ?? throw new ContainerException("this machine cannot pause containers: it has neither the cgroup controller freezer nor cgroup version 2");

    private bool IsUnifiedMemory => _layout.Find("memory") is { IsUnified: true };

    private bool IsFrozen() => IsUnifiedFreezer
        ? File.ReadAllText(Path.Combine(Path.GetDirectoryName(FreezerFile)!, "cgroup.events")).Contains("frozen 1", StringComparison.Ordinal)
        : File.ReadAllText(FreezerFile).Trim() == "FROZEN";

    private void UpdateMemory(MemoryResources memory)
    {
        if (memory.Reservation is { } reservation)
            Set("memory", "memory.soft_limit_in_bytes", "memory.low", Text(reservation));
        if (memory.Limit is not { } limit)
            return;
        if (IsUnifiedMemory)
        {
            Set("memory", "", "memory.max", Text(limit));
            Set("memory", "", "memory.swap.max", memory.Swap is { } swap and >= 0 ? Text(Math.Max(0, swap - limit)) : "max");
            return;
        }
        // Memory may never be more than memory with swap, so which goes first depends on the direction.
        var grows = limit > ReadLong("memory", "memory.memsw.limit_in_bytes");
        if (grows && memory.Swap is { } first)
            Set("memory", "memory.memsw.limit_in_bytes", "", Text(first));
        Set("memory", "memory.limit_in_bytes", "", Text(limit));
        if (!grows && memory.Swap is { } last)
            Set("memory", "memory.memsw.limit_in_bytes", "", Text(last));
    }

    private void UpdateCpu(CpuResources? cpu)
    {
        if (cpu?.Quota is { } quota)
        {
            if (_layout.Find("cpu") is { IsUnified: true })
                Set("cpu", "", "cpu.max", $"{Text(quota)} {cpu.Period}");
            else
            {
                Set("cpu", "cpu.cfs_period_us", "", Text((long)cpu.Period!.Value));
                Set("cpu", "cpu.cfs_quota_us", "", Text(quota));
            }
        }
        if (cpu?.Shares is { } shares && _layout.Find("cpu") is { IsUnified: false })
            Set("cpu", "cpu.shares", "", Text((long)shares));
        if (cpu?.Cpus is { } cpus)
            Set("cpuset", "cpuset.cpus", "cpuset.cpus", cpus);
        if (cpu?.Mems is { } mems)
            Set("cpuset", "cpuset.mems", "cpuset.mems", mems);
    }

    private void Set(string controller, string v1, string v2, string value)
    {
        var file = _layout.Find(controller) is { IsUnified: true } ? v2 : v1;
        var path = _group.FilePath(controller, file) ?? throw new ContainerException($"this machine does not have the cgroup controller {controller}");
        try
        {
            Write(path, value);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new ContainerException($"{file} cannot be set to {value}: {e.Message}", e);
        }
    }

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

    private static void Write(string path, string value) => File.WriteAllText(path, value);

    private static string Text(long value) => value.ToString(CultureInfo.InvariantCulture);
}
