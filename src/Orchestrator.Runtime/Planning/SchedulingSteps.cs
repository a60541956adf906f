using System.Buffers.Binary;
using System.Globalization;
using Orchestrator.Linux.Tapes;
using Orchestrator.Oci.Runtime;

namespace Orchestrator.Runtime.Planning;

/// <summary>How the kernel treats the process: scheduling, I/O priority, memory nodes, CPUs, personality.</summary>
internal static class SchedulingSteps
{
    private const int SchedulerAttributesSize = 48, DeadlinePolicy = 6, IdsMax = 1024;

    private static readonly string?[] s_policies = ["SCHED_OTHER", "SCHED_FIFO", "SCHED_RR", "SCHED_BATCH", "SCHED_ISO", "SCHED_IDLE", "SCHED_DEADLINE"];

    private static readonly Dictionary<string, long> s_schedulerFlags = new()
    {
        ["SCHED_FLAG_RESET_ON_FORK"] = 1,
        ["SCHED_FLAG_RECLAIM"] = 2,
        ["SCHED_FLAG_DL_OVERRUN"] = 4,
        ["SCHED_FLAG_KEEP_POLICY"] = 8,
        ["SCHED_FLAG_KEEP_PARAMS"] = 16,
        ["SCHED_FLAG_UTIL_CLAMP_MIN"] = 32,
        ["SCHED_FLAG_UTIL_CLAMP_MAX"] = 64,
    };

    private static readonly string?[] s_ioClasses = [null, "IOPRIO_CLASS_RT", "IOPRIO_CLASS_BE", "IOPRIO_CLASS_IDLE"];

    private static readonly string?[] s_memoryModes =
        ["MPOL_DEFAULT", "MPOL_PREFERRED", "MPOL_BIND", "MPOL_INTERLEAVE", "MPOL_LOCAL", "MPOL_PREFERRED_MANY", "MPOL_WEIGHTED_INTERLEAVE"];

    private static readonly Dictionary<string, long> s_memoryFlags = new()
    {
        ["MPOL_F_STATIC_NODES"] = 1 << 15,
        ["MPOL_F_RELATIVE_NODES"] = 1 << 14,
        ["MPOL_F_NUMA_BALANCING"] = 1 << 13,
    };

    public static void Add(Tape tape, ProcessConfig process)
    {
        if (process.Scheduler is { } scheduler)
            Schedule(tape, scheduler, "process.scheduler");
        if (process.IoPriority is { } priority)
            Prioritize(tape, priority, "process.ioPriority");
    }

    public static void Add(Tape tape, LinuxConfig linux)
    {
        if (linux.MemoryPolicy is { } policy)
            PlaceMemory(tape, policy, "linux.memoryPolicy");
        if (linux.Personality is not { } personality)
            return;
        if (personality.Flags.Count > 0)
            throw new RuntimeConfigException("linux.personality.flags[0]", $"\"{personality.Flags[0]}\" is not supported; accepted: none");
        var domain = personality.Domain switch
        {
            "LINUX" => 0,
            "LINUX32" => 8,
            var other => throw new RuntimeConfigException("linux.personality.domain", $"\"{other}\" is unknown; accepted: LINUX, LINUX32"),
        };
        tape.Add("linux.personality", Syscall.personality, Argument.Named(domain, personality.Domain));
    }

    /// <summary>Nothing for an empty list.</summary>
    public static void Bind(Tape tape, string? cpus, string field)
    {
        if (string.IsNullOrEmpty(cpus))
            return;
        var mask = Mask(cpus, field);
        tape.Add(field, Syscall.sched_setaffinity, 0, mask.Length, Argument.Of(mask, $"{{{cpus}}}"));
    }

    private static void Schedule(Tape tape, SchedulerConfig scheduler, string field)
    {
        var policy = Find(s_policies, scheduler.Policy, field + ".policy");
        if (policy != DeadlinePolicy && (scheduler.Runtime | scheduler.Deadline | scheduler.Period) != 0)
            throw new RuntimeConfigException(field + ".runtime", "and deadline and period are SCHED_DEADLINE's; accepted: only with that policy");
        if (scheduler.Nice is < -20 or > 19)
            throw new RuntimeConfigException(field + ".nice", $"{scheduler.Nice} is no nice value; accepted: -20 to 19");
        var attributes = new byte[SchedulerAttributesSize];
        BinaryPrimitives.WriteInt32LittleEndian(attributes, SchedulerAttributesSize);
        BinaryPrimitives.WriteInt32LittleEndian(attributes.AsSpan(4), policy);
        BinaryPrimitives.WriteInt64LittleEndian(attributes.AsSpan(8), Flags(s_schedulerFlags, scheduler.Flags, field + ".flags"));
        BinaryPrimitives.WriteInt32LittleEndian(attributes.AsSpan(16), scheduler.Nice);
        BinaryPrimitives.WriteInt32LittleEndian(attributes.AsSpan(20), scheduler.Priority);
        BinaryPrimitives.WriteUInt64LittleEndian(attributes.AsSpan(24), scheduler.Runtime);
        BinaryPrimitives.WriteUInt64LittleEndian(attributes.AsSpan(32), scheduler.Deadline);
        BinaryPrimitives.WriteUInt64LittleEndian(attributes.AsSpan(40), scheduler.Period);
        tape.Add(field, Syscall.sched_setattr, 0, Argument.Of(attributes, $"{{{scheduler.Policy}, nice {scheduler.Nice}, priority {scheduler.Priority}}}"), 0);
    }

    private static void Prioritize(Tape tape, IoPriorityConfig priority, string field)
    {
        const int classShift = 13, processGroup = 2;
        var ioClass = Find(s_ioClasses, priority.Class, field + ".class");
        if (priority.Priority is < 0 or > 7)
            throw new RuntimeConfigException(field + ".priority", $"{priority.Priority} is none; accepted: 0 to 7");
        tape.Add(field, Syscall.ioprio_set, Argument.Named(processGroup, "WHO_PGRP"), 0, Argument.Named((ioClass << classShift) + priority.Priority, $"{priority.Class} {priority.Priority}"));
    }

    private static void PlaceMemory(Tape tape, MemoryPolicyConfig policy, string field)
    {
        var mode = (long)Find(s_memoryModes, policy.Mode, field + ".mode") + Flags(s_memoryFlags, policy.Flags, field + ".flags");
        var mask = policy.Nodes.Length == 0 ? [] : Mask(policy.Nodes, field + ".nodes");
        // The kernel takes the number of bits, and one more.
        tape.Add(field, Syscall.set_mempolicy, Argument.Named(mode, string.Join('|', policy.Flags.Prepend(policy.Mode))),
            mask.Length == 0 ? Argument.Null : Argument.Of(mask, $"{{{policy.Nodes}}}"), mask.Length == 0 ? 0 : mask.Length * 8 + 1);
    }

    private static int Find(string?[] names, string name, string field) =>
        Array.IndexOf(names, name) is var index and >= 0 ? index
        : throw new RuntimeConfigException(field, $"\"{name}\" is unknown; accepted: {string.Join(", ", names.OfType<string>())}");

    private static long Flags(Dictionary<string, long> known, IReadOnlyList<string> names, string field)
    {
        long flags = 0;
        for (var i = 0; i < names.Count; i++)
            flags |= known.TryGetValue(names[i], out var flag) ? flag
                : throw new RuntimeConfigException($"{field}[{i}]", $"\"{names[i]}\" is unknown; accepted: {string.Join(", ", known.Keys)}");
        return flags;
    }

    /// <summary>A list as in 0-3,7 as the kernel's array of longs.</summary>
    private static byte[] Mask(string list, string field)
    {
        var mask = new byte[IdsMax / 8];
        foreach (var range in list.Split(',', StringSplitOptions.TrimEntries))
        {
            var ends = range.Split('-');
            if (ends.Length > 2 || !Number(ends[0], out var first) || !Number(ends[^1], out var last) || last < first)
                throw new RuntimeConfigException(field, $"\"{list}\" is no list of numbers below {IdsMax}; accepted: as in 0-3,7");
            for (var id = first; id <= last; id++)
                mask[id / 8] |= (byte)(1 << (id % 8));
        }
        return mask;
    }

    private static bool Number(string text, out int number) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out number) && number < IdsMax;
}
