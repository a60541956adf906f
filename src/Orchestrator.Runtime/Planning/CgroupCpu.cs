using Orchestrator.Oci.Runtime;

namespace Orchestrator.Runtime.Planning;

/// <summary>linux.resources.cpu.</summary>
internal static class CgroupCpu
{
    private const ulong DefaultPeriod = 100_000;

    public static void Add(CgroupSettings settings, CpuResources? cpu)
    {
        if (cpu is null)
            return;
        var unified = settings.IsUnified("cpu");
        if (cpu.Idle is { } idle)
            settings.Add("cpu", "cpu.idle", "cpu.idle", $"{idle}", "cpu.idle");
        // The kernel refuses a weight for what only gets idle time.
        if (cpu.Shares is { } shares and not 0 && cpu.Idle is not 1)
            settings.Add("cpu", "cpu.shares", "cpu.weight", unified ? $"{Weight(shares)}" : $"{shares}", "cpu.shares");
        Bandwidth(settings, cpu, unified);
        if (cpu.RealtimePeriod is { } realtimePeriod and not 0)
            settings.Add("cpu", "cpu.rt_period_us", null, $"{realtimePeriod}", "cpu.realtimePeriod");
        if (cpu.RealtimeRuntime is { } realtimeRuntime and not 0)
            settings.Add("cpu", "cpu.rt_runtime_us", null, $"{realtimeRuntime}", "cpu.realtimeRuntime");
        if (!string.IsNullOrEmpty(cpu.Cpus))
            settings.Add("cpuset", "cpuset.cpus", "cpuset.cpus", cpu.Cpus, "cpu.cpus");
        if (!string.IsNullOrEmpty(cpu.Mems))
            settings.Add("cpuset", "cpuset.mems", "cpuset.mems", cpu.Mems, "cpu.mems");
    }

    private static void Bandwidth(CgroupSettings settings, CpuResources cpu, bool unified)
    {
        var (quota, period) = (cpu.Quota is 0 ? null : cpu.Quota, cpu.Period is 0 ? null : cpu.Period);
        if (unified && (quota is not null || period is not null))
            settings.Add("cpu", null, "cpu.max", $"{CgroupSettings.Max(quota ?? -1)} {period ?? DefaultPeriod}", quota is null ? "cpu.period" : "cpu.quota");
        if (!unified && period is not null)
            settings.Add("cpu", "cpu.cfs_period_us", null, $"{period}", "cpu.period");
        if (!unified && quota is not null)
            settings.Add("cpu", "cpu.cfs_quota_us", null, $"{quota}", "cpu.quota");
        if (cpu.Burst is { } burst)
            settings.Add("cpu", "cpu.cfs_burst_us", "cpu.max.burst", $"{burst}", "cpu.burst");
    }

    /// <summary>2..262144 to 1..10000, as systemd and the other runtimes do.</summary>
    private static ulong Weight(ulong shares) => 1 + (Math.Clamp(shares, 2, 262_144) - 2) * 9999 / 262_142;
}
