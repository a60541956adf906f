using System.Text.Json.Serialization;

namespace Orchestrator.Runtime.Containers;

/// <summary>A line of <c>events</c>. Names, units and shape are runc's: nanoseconds, bytes, version 1's keys.</summary>
internal sealed record RuntimeEvent(string Type, string Id, ContainerStatistics? Data = null);

internal sealed record ContainerStatistics
{
    public CpuStatistics Cpu { get; init; } = new();
    public CpusetStatistics Cpuset { get; init; } = new();
    public MemoryStatistics Memory { get; init; } = new();
    public PidsStatistics Pids { get; init; } = new();
    public BlockIoStatistics Blkio { get; init; } = new();
    public IReadOnlyDictionary<string, HugetlbStatistics> Hugetlb { get; init; } = new Dictionary<string, HugetlbStatistics>();
}

internal sealed record CpuStatistics
{
    public CpuUsage Usage { get; init; } = new();
    public Throttling Throttling { get; init; } = new();
}

internal sealed record CpuUsage
{
    public ulong Total { get; init; }
    public IReadOnlyList<ulong>? Percpu { get; init; }
    public ulong Kernel { get; init; }
    public ulong User { get; init; }
}

internal sealed record Throttling
{
    public ulong Periods { get; init; }
    public ulong ThrottledPeriods { get; init; }
    public ulong ThrottledTime { get; init; }
}

internal sealed record CpusetStatistics
{
    public IReadOnlyList<int> Cpus { get; init; } = [];
    public IReadOnlyList<int> Mems { get; init; } = [];
}

internal sealed record MemoryStatistics
{
    public ulong Cache { get; init; }
    public MemoryUsage Usage { get; init; } = new();
    public MemoryUsage Swap { get; init; } = new();
    public MemoryUsage Kernel { get; init; } = new();
    [JsonPropertyName("kernelTCP")] public MemoryUsage KernelTcp { get; init; } = new();
    public IReadOnlyDictionary<string, ulong> Raw { get; init; } = new Dictionary<string, ulong>();
}

internal sealed record MemoryUsage
{
    public ulong Limit { get; init; }
    public ulong Usage { get; init; }
    public ulong Max { get; init; }
    public ulong Failcnt { get; init; }
}

internal sealed record PidsStatistics
{
    public ulong Current { get; init; }
    public ulong Limit { get; init; }
}

internal sealed record BlockIoStatistics
{
    public IReadOnlyList<BlockIoEntry> IoServiceBytesRecursive { get; init; } = [];
    public IReadOnlyList<BlockIoEntry> IoServicedRecursive { get; init; } = [];
}

internal sealed record BlockIoEntry(ulong Major, ulong Minor, string Op, ulong Value);

internal sealed record HugetlbStatistics
{
    public ulong Usage { get; init; }
    public ulong Max { get; init; }
    public ulong Failcnt { get; init; }
}
