using System.Text.Json;
using System.Text.Json.Serialization;
using Orchestrator.Oci.Runtime.Reading;

namespace Orchestrator.Oci.Runtime;

/// <summary>linux.resources of config.json, which <c>update</c> takes alone. Names and units are the specification's, those of cgroup version 1.</summary>
public sealed record ResourcesConfig
{
    public IReadOnlyList<DeviceRule> Devices { get; set; } = [];
    public MemoryResources? Memory { get; set; }
    public CpuResources? Cpu { get; set; }
    public PidsResources? Pids { get; set; }
    [JsonPropertyName("blockIO")] public BlockIoResources? BlockIo { get; set; }
    public IReadOnlyList<HugepageLimit> HugepageLimits { get; set; } = [];
    public NetworkResources? Network { get; set; }

    /// <summary>By the adapter's name, as in <c>mlx5_1</c>.</summary>
    public IReadOnlyDictionary<string, RdmaResources> Rdma { get; set; } = new Dictionary<string, RdmaResources>();

    /// <summary>Version 2 files by name, written as they are.</summary>
    public IReadOnlyDictionary<string, string> Unified { get; set; } = new Dictionary<string, string>();

    /// <exception cref="JsonException">The text is no linux.resources; the message names the field.</exception>
    public static ResourcesConfig Parse(ReadOnlySpan<byte> json) =>
        ConfigReader.Parse(json, ResourcesConfigReader.Resources);

    public byte[] ToJson() => JsonSerializer.SerializeToUtf8Bytes(this, RuntimeJson.Default.ResourcesConfig);
}

public sealed record DeviceRule
{
    public bool Allow { get; set; }
    public string? Type { get; set; }
    public long? Major { get; set; }
    public long? Minor { get; set; }
    public string? Access { get; set; }
}

/// <summary>Bytes; -1 is no limit.</summary>
public sealed record MemoryResources
{
    public long? Limit { get; set; }
    public long? Reservation { get; set; }

    /// <summary>Memory and swap together.</summary>
    public long? Swap { get; set; }

    /// <summary>Ignored, as the kernel has given it up.</summary>
    public long? Kernel { get; set; }
    public long? KernelTCP { get; set; }
    public ulong? Swappiness { get; set; }
    public bool? DisableOOMKiller { get; set; }
    public bool? UseHierarchy { get; set; }

    /// <summary>Refuses a limit below what is in use, which the kernel would take by killing.</summary>
    public bool? CheckBeforeUpdate { get; set; }
}

public sealed record CpuResources
{
    public ulong? Shares { get; set; }

    /// <summary>Microseconds in each period.</summary>
    public long? Quota { get; set; }
    public ulong? Burst { get; set; }
    public ulong? Period { get; set; }
    public long? RealtimeRuntime { get; set; }
    public ulong? RealtimePeriod { get; set; }
    public string? Cpus { get; set; }
    public string? Mems { get; set; }
    public long? Idle { get; set; }
}

public sealed record PidsResources
{
    public long Limit { get; set; }
}

public sealed record BlockIoResources
{
    public ushort? Weight { get; set; }
    public ushort? LeafWeight { get; set; }
    public IReadOnlyList<WeightDevice> WeightDevice { get; set; } = [];
    public IReadOnlyList<ThrottleDevice> ThrottleReadBpsDevice { get; set; } = [];
    public IReadOnlyList<ThrottleDevice> ThrottleWriteBpsDevice { get; set; } = [];
    public IReadOnlyList<ThrottleDevice> ThrottleReadIOPSDevice { get; set; } = [];
    public IReadOnlyList<ThrottleDevice> ThrottleWriteIOPSDevice { get; set; } = [];
}

public sealed record WeightDevice
{
    public long Major { get; set; }
    public long Minor { get; set; }
    public ushort? Weight { get; set; }
    public ushort? LeafWeight { get; set; }
}

/// <summary>A rate of 0 is no limit.</summary>
public sealed record ThrottleDevice
{
    public long Major { get; set; }
    public long Minor { get; set; }
    public ulong Rate { get; set; }
}

public sealed record HugepageLimit
{
    /// <summary>As the kernel names it: <c>64KB</c>, <c>2MB</c>, <c>1GB</c>.</summary>
    public string PageSize { get; set; } = "";
    public ulong Limit { get; set; }
}

public sealed record NetworkResources
{
    public uint? ClassID { get; set; }
    public IReadOnlyList<InterfacePriority> Priorities { get; set; } = [];
}

public sealed record InterfacePriority
{
    public string Name { get; set; } = "";
    public uint Priority { get; set; }
}

public sealed record RdmaResources
{
    public uint? HcaHandles { get; set; }
    public uint? HcaObjects { get; set; }
}
