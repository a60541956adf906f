using System.Text.Json;
using System.Text.Json.Serialization;

namespace Orchestrator.Oci.Runtime;

/// <summary>config.json of an OCI bundle, as much of it as a Linux runtime uses. Names and meanings are the OCI runtime specification's.</summary>
/// <remarks>What has a value by default can be set, not only initialized: the generated JSON reader sets a missing init property to null.</remarks>
public sealed record RuntimeConfig
{
    public string OciVersion { get; set; } = "1.2.0";
    public ProcessConfig? Process { get; init; }
    public RootConfig? Root { get; init; }
    public string? Hostname { get; init; }
    public string? Domainname { get; init; }
    public IReadOnlyList<MountConfig> Mounts { get; set; } = [];
    public LinuxConfig Linux { get; set; } = new();
    public IReadOnlyDictionary<string, string> Annotations { get; set; } = new Dictionary<string, string>();
    public HooksConfig? Hooks { get; init; }

    /// <exception cref="JsonException">The text is not a config.json; the message names the field.</exception>
    public static RuntimeConfig Parse(ReadOnlySpan<byte> json) =>
        JsonSerializer.Deserialize(json, RuntimeJson.Default.RuntimeConfig) ?? throw new JsonException("config.json is null");

    public byte[] ToJson() => JsonSerializer.SerializeToUtf8Bytes(this, RuntimeJson.Default.RuntimeConfig);
}

public sealed record RootConfig
{
    public string Path { get; set; } = "rootfs";
    public bool Readonly { get; init; }
}

public sealed record ProcessConfig
{
    public bool Terminal { get; init; }
    public ConsoleSize? ConsoleSize { get; init; }
    public UserConfig User { get; set; } = new();
    public IReadOnlyList<string> Args { get; set; } = [];
    public IReadOnlyList<string> Env { get; set; } = [];
    public string Cwd { get; set; } = "/";
    public CapabilitiesConfig? Capabilities { get; init; }
    public IReadOnlyList<RlimitConfig> Rlimits { get; set; } = [];
    public bool NoNewPrivileges { get; init; }
    public int? OomScoreAdj { get; init; }
    public string? ApparmorProfile { get; init; }
    public string? SelinuxLabel { get; init; }
    public SchedulerConfig? Scheduler { get; init; }
    public IoPriorityConfig? IoPriority { get; init; }
    [JsonPropertyName("execCPUAffinity")] public CpuAffinityConfig? ExecCpuAffinity { get; init; }

    /// <summary>The process alone, as <c>exec --process</c> takes it.</summary>
    public static ProcessConfig Parse(ReadOnlySpan<byte> json) =>
        JsonSerializer.Deserialize(json, RuntimeJson.Default.ProcessConfig) ?? throw new JsonException("the process is null");
}

public sealed record ConsoleSize
{
    public ushort Height { get; init; }
    public ushort Width { get; init; }
}

public sealed record UserConfig
{
    public uint Uid { get; init; }
    public uint Gid { get; init; }
    public uint? Umask { get; init; }
    public IReadOnlyList<uint> AdditionalGids { get; set; } = [];
}

public sealed record CapabilitiesConfig
{
    public IReadOnlyList<string> Bounding { get; set; } = [];
    public IReadOnlyList<string> Effective { get; set; } = [];
    public IReadOnlyList<string> Permitted { get; set; } = [];
    public IReadOnlyList<string> Inheritable { get; set; } = [];
    public IReadOnlyList<string> Ambient { get; set; } = [];
}

public sealed record RlimitConfig
{
    public string Type { get; set; } = "";
    public ulong Soft { get; init; }
    public ulong Hard { get; init; }
}

public sealed record MountConfig
{
    public string Destination { get; set; } = "";
    public string? Type { get; init; }
    public string? Source { get; init; }
    public IReadOnlyList<string> Options { get; set; } = [];
    public IReadOnlyList<IdMapping> UidMappings { get; set; } = [];
    public IReadOnlyList<IdMapping> GidMappings { get; set; } = [];
}

public sealed record LinuxConfig
{
    public IReadOnlyList<NamespaceConfig> Namespaces { get; set; } = [];
    public IReadOnlyList<IdMapping> UidMappings { get; set; } = [];
    public IReadOnlyList<IdMapping> GidMappings { get; set; } = [];
    public IReadOnlyList<DeviceConfig> Devices { get; set; } = [];
    public string? CgroupsPath { get; init; }
    public ResourcesConfig? Resources { get; init; }
    public string? RootfsPropagation { get; init; }
    public SeccompConfig? Seccomp { get; init; }
    public IReadOnlyDictionary<string, string> Sysctl { get; set; } = new Dictionary<string, string>();
    public IReadOnlyList<string> MaskedPaths { get; set; } = [];
    public IReadOnlyList<string> ReadonlyPaths { get; set; } = [];
    public string? MountLabel { get; init; }
    public PersonalityConfig? Personality { get; init; }
    public MemoryPolicyConfig? MemoryPolicy { get; init; }

    /// <summary>By clock: <c>monotonic</c> and <c>boottime</c>.</summary>
    public IReadOnlyDictionary<string, TimeOffset> TimeOffsets { get; set; } = new Dictionary<string, TimeOffset>();

    /// <summary>By name on the host.</summary>
    public IReadOnlyDictionary<string, NetDeviceConfig> NetDevices { get; set; } = new Dictionary<string, NetDeviceConfig>();
    public JsonElement? IntelRdt { get; init; }
}

public sealed record NamespaceConfig
{
    public string Type { get; set; } = "";
    public string? Path { get; init; }
}

public sealed record IdMapping
{
    [JsonPropertyName("containerID")] public uint ContainerId { get; init; }
    [JsonPropertyName("hostID")] public uint HostId { get; init; }
    public uint Size { get; init; }
}

public sealed record DeviceConfig
{
    public string Path { get; set; } = "";
    public string Type { get; set; } = "c";
    public long Major { get; init; }
    public long Minor { get; init; }
    public uint? FileMode { get; init; }
    public uint? Uid { get; init; }
    public uint? Gid { get; init; }
}

public sealed record SeccompConfig
{
    public string DefaultAction { get; set; } = "";
    public uint? DefaultErrnoRet { get; init; }
    public IReadOnlyList<string> Architectures { get; set; } = [];
    public IReadOnlyList<string> Flags { get; set; } = [];

    /// <summary>A listening socket that gets the descriptor of the filter's notifications.</summary>
    public string? ListenerPath { get; init; }
    public string? ListenerMetadata { get; init; }
    public IReadOnlyList<SeccompRule> Syscalls { get; set; } = [];
}

public sealed record SeccompRule
{
    public IReadOnlyList<string> Names { get; set; } = [];
    public string Action { get; set; } = "";
    public uint? ErrnoRet { get; init; }
    public IReadOnlyList<SeccompArgument> Args { get; set; } = [];
}

public sealed record SeccompArgument
{
    public uint Index { get; init; }
    public ulong Value { get; init; }
    public ulong ValueTwo { get; init; }
    public string Op { get; set; } = "";
}

/// <summary>The value of the annotation <see cref="RuntimeAnnotations.Overlay"/>: what the root is made of.</summary>
public sealed record OverlayConfig
{
    /// <summary>Layer directories, topmost first.</summary>
    public IReadOnlyList<string> Lower { get; set; } = [];
    public string Upper { get; set; } = "";
    public string Work { get; set; } = "";

    public static OverlayConfig Parse(string json) =>
        JsonSerializer.Deserialize(json, RuntimeJson.Default.OverlayConfig) ?? throw new JsonException("the overlay is null");

    public string ToJson() => JsonSerializer.Serialize(this, RuntimeJson.Default.OverlayConfig);
}

/// <summary>What the runtime reads beyond the OCI specification.</summary>
public static class RuntimeAnnotations
{
    /// <summary>An <see cref="OverlayConfig"/>: the runtime mounts it on root.path, inside the container's mount namespace.</summary>
    public const string Overlay = "io.orchestrator.overlay";

    /// <summary><c>true</c>: a small reaper runs as pid 1 and starts the process, forwarding signals to it.</summary>
    public const string Init = "io.orchestrator.init";
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    RespectNullableAnnotations = true)]
[JsonSerializable(typeof(RuntimeConfig))]
[JsonSerializable(typeof(ProcessConfig))]
[JsonSerializable(typeof(ResourcesConfig))]
[JsonSerializable(typeof(OverlayConfig))]
[JsonSerializable(typeof(Seccomp.SeccompProfile))]
internal sealed partial class RuntimeJson : JsonSerializerContext;
