using Orchestrator.Linux.Cgroups;
using Orchestrator.Oci.Runtime;

namespace Orchestrator.Runtime.Planning;

/// <summary>One file of the container's group, and what is written to it before the container starts.</summary>
public sealed record CgroupSetting(string Controller, string File, string Value, string Field)
{
    public override string ToString() => $"      {Controller}: {File} = {Value}  # {Field}";

    /// <summary>linux.resources for the machine's version of each controller.</summary>
    /// <exception cref="RuntimeConfigException">A limit whose controller the machine does not have.</exception>
    public static IReadOnlyList<CgroupSetting> From(ResourcesConfig? resources, CgroupLayout layout)
    {
        if (resources is null)
            return [];
        var settings = new List<CgroupSetting>();
        Devices(settings, resources.Devices, layout);
        Memory(settings, resources.Memory, layout);
        Cpu(settings, resources.Cpu, layout);
        if (resources.Pids is { } pids)
            Add(settings, layout, "pids", "pids.max", "pids.max", Max(pids.Limit == 0 ? -1 : pids.Limit), "pids.limit");
        if (resources.BlockIo?.Weight is { } weight and > 0)
            Add(settings, layout, "blkio", "blkio.weight", "io.weight", $"{weight}", "blockIO.weight");
        if (resources.Unified.Count > 0 && layout.Unified is null)
            throw new RuntimeConfigException("linux.resources.unified", "needs cgroup version 2, which is not mounted here");
        settings.AddRange(resources.Unified.Select(u => new CgroupSetting(u.Key.Split('.')[0], u.Key, u.Value, $"linux.resources.unified[{u.Key}]")));
        return settings;
    }

    private static void Memory(List<CgroupSetting> settings, MemoryResources? memory, CgroupLayout layout)
    {
        if (memory is null)
            return;
        var unified = layout.Find("memory") is { IsUnified: true };
        if (memory.Limit is { } limit and not 0)
            Add(settings, layout, "memory", "memory.limit_in_bytes", "memory.max", unified ? Max(limit) : $"{limit}", "memory.limit");
        if (memory.Reservation is { } reservation and not 0)
            Add(settings, layout, "memory", "memory.soft_limit_in_bytes", "memory.low", unified ? Max(reservation) : $"{reservation}", "memory.reservation");
        // Version 1 counts memory and swap together, version 2 swap alone.
        if (memory.Swap is { } swap and not 0)
            Add(settings, layout, "memory", "memory.memsw.limit_in_bytes", "memory.swap.max",
                unified ? Max(swap < 0 ? swap : Math.Max(0, swap - Math.Max(0, memory.Limit ?? 0))) : $"{swap}", "memory.swap");
        if (memory.Swappiness is { } swappiness && !unified)
            Add(settings, layout, "memory", "memory.swappiness", "", $"{swappiness}", "memory.swappiness");
        if (memory.DisableOOMKiller == true && !unified)
            Add(settings, layout, "memory", "memory.oom_control", "", "1", "memory.disableOOMKiller");
    }

    private static void Cpu(List<CgroupSetting> settings, CpuResources? cpu, CgroupLayout layout)
    {
        if (cpu is null)
            return;
        var unified = layout.Find("cpu") is { IsUnified: true };
        if (cpu.Shares is { } shares and not 0)
            Add(settings, layout, "cpu", "cpu.shares", "cpu.weight", unified ? $"{Weight(shares)}" : $"{shares}", "cpu.shares");
        if (unified && (cpu.Quota is not null || cpu.Period is not null))
            Add(settings, layout, "cpu", "", "cpu.max", $"{Max(cpu.Quota is > 0 ? cpu.Quota.Value : -1)} {cpu.Period ?? 100_000}", "cpu.quota");
        if (!unified && cpu.Period is { } period and not 0)
            Add(settings, layout, "cpu", "cpu.cfs_period_us", "", $"{period}", "cpu.period");
        if (!unified && cpu.Quota is { } quota and not 0)
            Add(settings, layout, "cpu", "cpu.cfs_quota_us", "", $"{quota}", "cpu.quota");
        if (!string.IsNullOrEmpty(cpu.Cpus))
            Add(settings, layout, "cpuset", "cpuset.cpus", "cpuset.cpus", cpu.Cpus, "cpu.cpus");
        if (!string.IsNullOrEmpty(cpu.Mems))
            Add(settings, layout, "cpuset", "cpuset.mems", "cpuset.mems", cpu.Mems, "cpu.mems");
    }

    // Version 2 has no such files: a program of the kernel's decides there.
    private static void Devices(List<CgroupSetting> settings, IReadOnlyList<DeviceRule> rules, CgroupLayout layout)
    {
        if (layout.Find("devices") is not { IsUnified: false })
            return;
        for (var i = 0; i < rules.Count; i++)
        {
            var rule = rules[i];
            var numbers = $"{rule.Major?.ToString() ?? "*"}:{rule.Minor?.ToString() ?? "*"}";
            var type = rule.Type is null or "" ? "a" : rule.Type;
            // "a" stands for all devices and all access, whatever follows.
            var value = type == "a" ? "a" : $"{type} {numbers} {rule.Access ?? "rwm"}";
            Add(settings, layout, "devices", rule.Allow ? "devices.allow" : "devices.deny", "", value, $"devices[{i}]");
        }
    }

    private static void Add(List<CgroupSetting> settings, CgroupLayout layout, string controller, string v1, string v2, string value, string field)
    {
        var name = controller == "blkio" && layout.Find("io") is { IsUnified: true } ? "io" : controller;
        var found = layout.Find(name)
            ?? throw new RuntimeConfigException("linux.resources." + field, $"needs the cgroup controller {controller}, which this machine does not have");
        settings.Add(new CgroupSetting(name, found.IsUnified ? v2 : v1, value, "linux.resources." + field));
    }

    private static string Max(long value) => value < 0 ? "max" : $"{value}";

    /// <summary>2..262144 to 1..10000, as systemd and the other runtimes do.</summary>
    private static ulong Weight(ulong shares) => 1 + (Math.Clamp(shares, 2, 262_144) - 2) * 9999 / 262_142;
}
