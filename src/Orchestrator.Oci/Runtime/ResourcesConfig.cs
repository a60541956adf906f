using System.Text.Json;
using System.Text.Json.Serialization;

namespace Orchestrator.Oci.Runtime;

/// <summary>linux.resources of config.json, which <c>update</c> takes alone. Names and units are the specification's, those of cgroup version 1.</summary>
public sealed record ResourcesConfig
{
    public IReadOnlyList<DeviceRule> Devices { get; set; } = [];
    public MemoryResources? Memory { get; init; }
    public CpuResources? Cpu { get; init; }
    public PidsResources? Pids { get; init; }
    [JsonPropertyName("blockIO")] public BlockIoResources? BlockIo { get; init; }
    public IReadOnlyList<HugepageLimit> HugepageLimits { get; set; } = [];
    public NetworkResources? Network { get; init; }

    /// <summary>By the adapter's name, as in <c>mlx5_1</c>.</summary>
    public IReadOnlyDictionary<string, RdmaResources> Rdma { get; set; } = new Dictionary<string, RdmaResources>();

    /// <summary>Version 2 files by name, written as they are.</summary>
    public IReadOnlyDictionary<string, string> Unified { get; set; } = new Dictionary<string, string>();

    /// <exception cref="JsonException">The text is no linux.resources; the message names the field.</exception>
    public static ResourcesConfig Parse(ReadOnlySpan<byte> json) =>
        JsonSerializer.Deserialize(json, RuntimeJson.Default.ResourcesConfig) ?? throw new JsonException("the resources are null");

    public byte[] ToJson() => JsonSerializer.SerializeToUtf8Bytes(this, RuntimeJson.Default.ResourcesConfig);
}

public sealed record DeviceRule
{
    public bool Allow { get; init; }
    public string? Type { get; init; }
    public long? Major { get; init; }
    public long? Minor { get; init; }
    public string? Access { get; init; }
}

/// <summary>Bytes; -1 is no limit.</summary>
public sealed record MemoryResources
{
    public long? Limit { get; init; }
    public long? Reservation { get; init; }

    /// <summary>Memory and swap together.</summary>
    public long? Swap { get; init; }

    /// <summary>Ignored, as the kernel has given it up.</summary>
    public long? Kernel { get; init; }
    public long? KernelTCP { get; init; }
    public ulong? Swappiness { get; init; }
    public bool? DisableOOMKiller { get; init; }
    public bool? UseHierarchy { get; init; }

    /// <summary>Refuses a limit below what is in use, which the kernel would take by killing.</summary>
    public bool? CheckBeforeUpdate { get; init; }
}

public sealed record CpuResources
{
    public ulong? Shares { get; init; }

    /// <summary>Microseconds in each period.</summary>
    public long? Quota { get; init; }
    public ulong? Burst { get; init; }
    public ulong? Period { get; init; }
    public long? RealtimeRuntime { get; init; }
    public ulong? RealtimePeriod { get; init; }
    public string? Cpus { get; init; }
    public string? Mems { get; init; }
    public long? Idle { get; init; }
}

public sealed record PidsResources
{
    public long Limit { get; init; }
}

public sealed record BlockIoResources
{
    public ushort? Weight { get; init; }
    public ushort? LeafWeight { get; init; }
    public IReadOnlyList<WeightDevice> WeightDevice { get; set; } = [];
    public IReadOnlyList<ThrottleDevice> ThrottleReadBpsDevice { get; set; } = [];
    public IReadOnlyList<ThrottleDevice> ThrottleWriteBpsDevice { get; set; } = [];
    public IReadOnlyList<ThrottleDevice> ThrottleReadIOPSDevice { get; set; } = [];
    public IReadOnlyList<ThrottleDevice> ThrottleWriteIOPSDevice { get; set; } = [];
}

public sealed record WeightDevice
{
    public long Major { get; init; }
    public long Minor { get; init; }
    public ushort? Weight { get; init; }
    public ushort? LeafWeight { get; init; }
}

/// <summary>A rate of 0 is no limit.</summary>
public sealed record ThrottleDevice
{
    public long Major { get; init; }
    public long Minor { get; init; }
    public ulong Rate { get; init; }
}

public sealed record HugepageLimit
{
    /// <summary>As the kernel names it: <c>64KB</c>, <c>2MB</c>, <c>1GB</c>.</summary>
    public string PageSize { get; set; } = "";
    public ulong Limit { get; init; }
}

public sealed record NetworkResources
{
    public uint? ClassID { get; init; }
    public IReadOnlyList<InterfacePriority> Priorities { get; set; } = [];
}

public sealed record InterfacePriority
{
    public string Name { get; set; } = "";
    public uint Priority { get; init; }
}

public sealed record RdmaResources
{
    public uint? HcaHandles { get; init; }
    public uint? HcaObjects { get; init; }
}
