namespace Orchestrator.Engine.Stats;

/// <summary>What a running container uses now.</summary>
/// <param name="CpuNs">Since its start, of all cores together.</param>
/// <param name="MemoryBytes">Without file contents that the kernel can drop.</param>
/// <param name="MemoryLimitBytes">0: none of its own.</param>
/// <param name="ReadBytes">From block devices.</param>
public sealed record ContainerUsage(
    long CpuNs, long MemoryBytes, long MemoryLimitBytes, long ReceivedBytes, long SentBytes, long ReadBytes, long WrittenBytes, long Pids);
