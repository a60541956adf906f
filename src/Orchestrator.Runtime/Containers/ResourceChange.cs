using Orchestrator.Oci.Runtime;

namespace Orchestrator.Runtime.Containers;

/// <summary>Limits that are named replace the ones that are in force; the others stay.</summary>
internal static class ResourceChange
{
    public static ResourcesConfig Merge(ResourcesConfig before, ResourcesConfig change) => new()
    {
        Devices = change.Devices.Count > 0 ? change.Devices : before.Devices,
        Memory = Merge(before.Memory, change.Memory),
        Cpu = Merge(before.Cpu, change.Cpu),
        Pids = change.Pids ?? before.Pids,
        BlockIo = Merge(before.BlockIo, change.BlockIo),
        HugepageLimits = change.HugepageLimits.Count > 0 ? change.HugepageLimits : before.HugepageLimits,
        Network = change.Network ?? before.Network,
        Rdma = change.Rdma.Count > 0 ? change.Rdma : before.Rdma,
        Unified = new Dictionary<string, string>([.. before.Unified.Where(u => !change.Unified.ContainsKey(u.Key)), .. change.Unified]),
    };

    /// <summary>What is to be written: of the kinds that the change names, all, because some values depend on each other.</summary>
    public static ResourcesConfig Named(ResourcesConfig merged, ResourcesConfig change) => merged with
    {
        Devices = change.Devices,
        Memory = change.Memory is null ? null : merged.Memory,
        Cpu = change.Cpu is null ? null : merged.Cpu,
        Pids = change.Pids,
        BlockIo = change.BlockIo is null ? null : merged.BlockIo,
        HugepageLimits = change.HugepageLimits,
        Network = change.Network,
        Rdma = change.Rdma,
        Unified = change.Unified,
    };

    private static MemoryResources? Merge(MemoryResources? before, MemoryResources? change) => before is null || change is null ? change ?? before : new()
    {
        Limit = Set(change.Limit) ?? before.Limit,
        Reservation = Set(change.Reservation) ?? before.Reservation,
        // The limit on both together follows the one on memory into infinity.
        Swap = Set(change.Swap) ?? (change.Limit == -1 ? -1 : before.Swap),
        KernelTCP = Set(change.KernelTCP) ?? before.KernelTCP,
        Swappiness = change.Swappiness ?? before.Swappiness,
        DisableOOMKiller = change.DisableOOMKiller ?? before.DisableOOMKiller,
        CheckBeforeUpdate = change.CheckBeforeUpdate ?? before.CheckBeforeUpdate,
    };

    private static CpuResources? Merge(CpuResources? before, CpuResources? change) => before is null || change is null ? change ?? before : new()
    {
        Shares = Set(change.Shares) ?? before.Shares,
        Quota = Set(change.Quota) ?? before.Quota,
        Burst = change.Burst ?? before.Burst,
        Period = Set(change.Period) ?? before.Period,
        RealtimeRuntime = Set(change.RealtimeRuntime) ?? before.RealtimeRuntime,
        RealtimePeriod = Set(change.RealtimePeriod) ?? before.RealtimePeriod,
        Cpus = string.IsNullOrEmpty(change.Cpus) ? before.Cpus : change.Cpus,
        Mems = string.IsNullOrEmpty(change.Mems) ? before.Mems : change.Mems,
        Idle = change.Idle ?? before.Idle,
    };

    private static BlockIoResources? Merge(BlockIoResources? before, BlockIoResources? change) => before is null || change is null ? change ?? before : new()
    {
        Weight = change.Weight is > 0 ? change.Weight : before.Weight,
        LeafWeight = change.LeafWeight is > 0 ? change.LeafWeight : before.LeafWeight,
        WeightDevice = change.WeightDevice.Count > 0 ? change.WeightDevice : before.WeightDevice,
        ThrottleReadBpsDevice = Merge(before.ThrottleReadBpsDevice, change.ThrottleReadBpsDevice),
        ThrottleWriteBpsDevice = Merge(before.ThrottleWriteBpsDevice, change.ThrottleWriteBpsDevice),
        ThrottleReadIOPSDevice = Merge(before.ThrottleReadIOPSDevice, change.ThrottleReadIOPSDevice),
        ThrottleWriteIOPSDevice = Merge(before.ThrottleWriteIOPSDevice, change.ThrottleWriteIOPSDevice),
    };

    private static IReadOnlyList<ThrottleDevice> Merge(IReadOnlyList<ThrottleDevice> before, IReadOnlyList<ThrottleDevice> change) =>
        [.. before.Where(b => !change.Any(c => (c.Major, c.Minor) == (b.Major, b.Minor))), .. change];

    // Callers write 0 for what they do not want to change.
    private static long? Set(long? value) => value is 0 ? null : value;

    private static ulong? Set(ulong? value) => value is 0 ? null : value;
}
