namespace Orchestrator.Oci.Runtime;

/// <summary>sched_setattr(2), with the names of its header.</summary>
public sealed record SchedulerConfig
{
    public string Policy { get; set; } = "";
    public int Nice { get; set; }
    public int Priority { get; set; }
    public IReadOnlyList<string> Flags { get; set; } = [];

    /// <summary>In nanoseconds, as deadline and period.</summary>
    public ulong Runtime { get; set; }
    public ulong Deadline { get; set; }
    public ulong Period { get; set; }
}

public sealed record IoPriorityConfig
{
    public string Class { get; set; } = "";

    /// <summary>0, the highest, to 7.</summary>
    public int Priority { get; set; }
}

/// <summary>CPU lists as in <c>0-3,7</c>, for commands that join a container: before and after they are in its cgroup.</summary>
public sealed record CpuAffinityConfig
{
    public string? Initial { get; set; }
    public string? Final { get; set; }
}

public sealed record PersonalityConfig
{
    /// <summary>LINUX or LINUX32.</summary>
    public string Domain { get; set; } = "";
    public IReadOnlyList<string> Flags { get; set; } = [];
}

/// <summary>set_mempolicy(2).</summary>
public sealed record MemoryPolicyConfig
{
    public string Mode { get; set; } = "";

    /// <summary>A list as in <c>0-3,7</c>.</summary>
    public string Nodes { get; set; } = "";
    public IReadOnlyList<string> Flags { get; set; } = [];
}

public sealed record TimeOffset
{
    public long Secs { get; set; }
    public uint Nanosecs { get; set; }
}

public sealed record NetDeviceConfig
{
    /// <summary>Its name in the container; null keeps the host's.</summary>
    public string? Name { get; set; }
}
