using System.Globalization;
using Orchestrator.Linux.Cgroups;

namespace Orchestrator.Runtime.Containers;

/// <summary>Reads what a group has used, from either version's files.</summary>
internal sealed class StatisticsReader(CgroupLayout layout, Cgroup group)
{
    // User mode's clock ticks, which the kernel fixes at 100 a second.
    private const ulong NanosecondsPerTick = 10_000_000, NanosecondsPerMicrosecond = 1000;

    public ContainerStatistics Read() => new()
    {
        Cpu = IsUnified("cpu") ? UnifiedCpu(Values("cpu")) : Cpu(Values("cpu"), Values("cpuacct")),
        Cpuset = new CpusetStatistics { Cpus = Ranges("cpuset.cpus"), Mems = Ranges("cpuset.mems") },
        Memory = IsUnified("memory") ? UnifiedMemory(Values("memory")) : Memory(Values("memory")),
        Pids = new PidsStatistics { Current = Values("pids").Number("pids.current"), Limit = Limit(Values("pids").Number("pids.max")) },
        Blkio = IsUnified("io") ? UnifiedBlockIo(Values("io")) : BlockIo(Values("blkio")),
        Hugetlb = Hugetlb(Values("hugetlb")),
    };

    private bool IsUnified(string controller) => layout.Find(controller) is { IsUnified: true };

    private CgroupValues Values(string controller) => new(group, controller);

    private static ulong Limit(ulong value) => value == ulong.MaxValue ? 0 : value;

    private static CpuStatistics Cpu(CgroupValues cpu, CgroupValues account)
    {
        var (ticks, periods) = (account.Table("cpuacct.stat"), cpu.Table("cpu.stat"));
        return new CpuStatistics
        {
            Usage = new CpuUsage
            {
                Total = account.Number("cpuacct.usage"),
                Percpu = account.Lines("cpuacct.usage_percpu") is [var line, ..] ? [.. line.Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(ulong.Parse)] : null,
                Kernel = ticks.GetValueOrDefault("system") * NanosecondsPerTick,
                User = ticks.GetValueOrDefault("user") * NanosecondsPerTick,
            },
            Throttling = new Throttling
            {
                Periods = periods.GetValueOrDefault("nr_periods"),
                ThrottledPeriods = periods.GetValueOrDefault("nr_throttled"),
                ThrottledTime = periods.GetValueOrDefault("throttled_time"),
            },
        };
    }

    private static CpuStatistics UnifiedCpu(CgroupValues cpu)
    {
        var stat = cpu.Table("cpu.stat");
        return new CpuStatistics
        {
            Usage = new CpuUsage
            {
                Total = stat.GetValueOrDefault("usage_usec") * NanosecondsPerMicrosecond,
                Kernel = stat.GetValueOrDefault("system_usec") * NanosecondsPerMicrosecond,
                User = stat.GetValueOrDefault("user_usec") * NanosecondsPerMicrosecond,
            },
            Throttling = new Throttling
            {
                Periods = stat.GetValueOrDefault("nr_periods"),
                ThrottledPeriods = stat.GetValueOrDefault("nr_throttled"),
                ThrottledTime = stat.GetValueOrDefault("throttled_usec") * NanosecondsPerMicrosecond,
            },
        };
    }

    private static MemoryStatistics Memory(CgroupValues memory)
    {
        var raw = memory.Table("memory.stat");
        return new MemoryStatistics
        {
            Cache = raw.GetValueOrDefault("cache"),
            Usage = Usage(memory, "memory"),
            Swap = Usage(memory, "memory.memsw"),
            Kernel = Usage(memory, "memory.kmem"),
            KernelTcp = Usage(memory, "memory.kmem.tcp"),
            Raw = raw,
        };
    }

    private static MemoryUsage Usage(CgroupValues memory, string prefix) => new()
    {
        Limit = memory.Number(prefix + ".limit_in_bytes"),
        Usage = memory.Number(prefix + ".usage_in_bytes"),
        Max = memory.Number(prefix + ".max_usage_in_bytes"),
        Failcnt = memory.Number(prefix + ".failcnt"),
    };

    // Memory and swap together, as version 1 counts them, and as the limits do.
    private static MemoryStatistics UnifiedMemory(CgroupValues memory)
    {
        var raw = memory.Table("memory.stat");
        var usage = new MemoryUsage
        {
            Limit = memory.Number("memory.max"),
            Usage = memory.Number("memory.current"),
            Max = memory.Number("memory.peak"),
            Failcnt = memory.Table("memory.events").GetValueOrDefault("max"),
        };
        var swapLimit = memory.Number("memory.swap.max");
        return new MemoryStatistics
        {
            Cache = raw.GetValueOrDefault("file"),
            Usage = usage,
            Swap = new MemoryUsage
            {
                Usage = usage.Usage + memory.Number("memory.swap.current"),
                Limit = swapLimit == ulong.MaxValue || usage.Limit == ulong.MaxValue ? ulong.MaxValue : usage.Limit + swapLimit,
            },
            Kernel = new MemoryUsage { Usage = raw.GetValueOrDefault("kernel") },
            Raw = raw,
        };
    }

    private static BlockIoStatistics BlockIo(CgroupValues io) => new()
    {
        IoServiceBytesRecursive = Entries(io, "blkio.throttle.io_service_bytes_recursive"),
        IoServicedRecursive = Entries(io, "blkio.throttle.io_serviced_recursive"),
    };

    // "8:0 Read 4096"; the last line, "Total 4096", has two fields.
    private static BlockIoEntry[] Entries(CgroupValues io, string file) =>
        [.. io.Lines(file).Select(l => l.Split((char[])[' ', ':'])).Where(f => f.Length == 4).Select(f => new BlockIoEntry(Number(f[0]), Number(f[1]), f[2], Number(f[3])))];

    private static BlockIoStatistics UnifiedBlockIo(CgroupValues io)
    {
        var (bytes, operations) = (new List<BlockIoEntry>(), new List<BlockIoEntry>());
        foreach (var fields in io.Lines("io.stat").Select(l => l.Split((char[])[' ', ':'], StringSplitOptions.RemoveEmptyEntries)).Where(f => f.Length > 2))
        {
            foreach (var pair in fields.Skip(2).Select(f => f.Split('=')).Where(p => p.Length == 2))
            {
                if (pair[0] is "rbytes" or "wbytes")
                    bytes.Add(new BlockIoEntry(Number(fields[0]), Number(fields[1]), pair[0] == "rbytes" ? "Read" : "Write", Number(pair[1])));
                else if (pair[0] is "rios" or "wios")
                    operations.Add(new BlockIoEntry(Number(fields[0]), Number(fields[1]), pair[0] == "rios" ? "Read" : "Write", Number(pair[1])));
            }
        }
        return new BlockIoStatistics { IoServiceBytesRecursive = bytes, IoServicedRecursive = operations };
    }

    private Dictionary<string, HugetlbStatistics> Hugetlb(CgroupValues values)
    {
        var unified = IsUnified("hugetlb");
        var (limit, usage) = unified ? (".max", ".current") : (".limit_in_bytes", ".usage_in_bytes");
        return values.Files("hugetlb.*" + limit).Select(f => f["hugetlb.".Length..^limit.Length]).Where(size => !size.EndsWith(".rsvd", StringComparison.Ordinal)).ToDictionary(size => size, size => new HugetlbStatistics
        {
            Usage = values.Number($"hugetlb.{size}{usage}"),
            Max = unified ? 0 : values.Number($"hugetlb.{size}.max_usage_in_bytes"),
            Failcnt = unified ? values.Table($"hugetlb.{size}.events").GetValueOrDefault("max") : values.Number($"hugetlb.{size}.failcnt"),
        });
    }

    /// <summary>As in "0-2,5".</summary>
    private int[] Ranges(string file) => Values("cpuset").Lines(file) is not [{ Length: > 0 } line, ..] ? []
        : [.. line.Split(',').Select(r => r.Split('-')).SelectMany(r => Enumerable.Range(Index(r[0]), Index(r[^1]) - Index(r[0]) + 1))];

    private static int Index(string text) => int.Parse(text, CultureInfo.InvariantCulture);

    private static ulong Number(string text) => ulong.TryParse(text, CultureInfo.InvariantCulture, out var number) ? number : 0;
}
