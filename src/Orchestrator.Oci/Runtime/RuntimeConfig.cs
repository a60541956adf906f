using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;
using Orchestrator.Oci.Runtime.Reading;

namespace Orchestrator.Oci.Runtime;

/// <summary>config.json of an OCI bundle, as much of it as a Linux runtime uses. Names and meanings are the OCI runtime specification's.</summary>
/// <remarks>A new field is read in <c>Reading/</c>; a test tells when it is forgotten there.</remarks>
public sealed record RuntimeConfig
{
    public string OciVersion { get; set; } = "1.2.0";
    public ProcessConfig? Process { get; set; }
    public RootConfig? Root { get; set; }
    public string? Hostname { get; set; }
    public string? Domainname { get; set; }
    public IReadOnlyList<MountConfig> Mounts { get; set; } = [];
    public LinuxConfig Linux { get; set; } = new();
    public IReadOnlyDictionary<string, string> Annotations { get; set; } = new Dictionary<string, string>();
    public HooksConfig? Hooks { get; set; }

    /// <exception cref="JsonException">The text is not a config.json; the message names the field.</exception>
    public static RuntimeConfig Parse(ReadOnlySpan<byte> json) =>
        ConfigReader.Parse(json, RuntimeConfigReader.Config);

    public byte[] ToJson() => JsonSerializer.SerializeToUtf8Bytes(this, RuntimeJson.Default.RuntimeConfig);
}

public sealed record RootConfig
{
    public string Path { get; set; } = "rootfs";
    public bool Readonly { get; set; }
}

public sealed record ProcessConfig
{
    public bool Terminal { get; set; }
    public ConsoleSize? ConsoleSize { get; set; }
    public UserConfig User { get; set; } = new();
    public IReadOnlyList<string> Args { get; set; } = [];
    public IReadOnlyList<string> Env { get; set; } = [];
    public string Cwd { get; set; } = "/";
    public CapabilitiesConfig? Capabilities { get; set; }
    public IReadOnlyList<RlimitConfig> Rlimits { get; set; } = [];
    public bool NoNewPrivileges { get; set; }
    public int? OomScoreAdj { get; set; }
    public string? ApparmorProfile { get; set; }
    public string? SelinuxLabel { get; set; }
    public SchedulerConfig? Scheduler { get; set; }
    public IoPriorityConfig? IoPriority { get; set; }
    [JsonPropertyName("execCPUAffinity")] public CpuAffinityConfig? ExecCpuAffinity { get; set; }

    /// <summary>The process alone, as <c>exec --process</c> takes it.</summary>
    public static ProcessConfig Parse(ReadOnlySpan<byte> json) =>
        ConfigReader.Parse(json, ProcessConfigReader.Process);
}

public sealed record ConsoleSize
{
    public ushort Height { get; set; }
    public ushort Width { get; set; }
}

public sealed record UserConfig
{
    public uint Uid { get; set; }
    public uint Gid { get; set; }
    public uint? Umask { get; set; }
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
    public ulong Soft { get; set; }
    public ulong Hard { get; set; }
}

public sealed record MountConfig
{
    public string Destination { get; set; } = "";
    public string? Type { get; set; }
    public string? Source { get; set; }
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
    public string? CgroupsPath { get; set; }
    public ResourcesConfig? Resources { get; set; }
    public string? RootfsPropagation { get; set; }
    public SeccompConfig? Seccomp { get; set; }
    public IReadOnlyDictionary<string, string> Sysctl { get; set; } = new Dictionary<string, string>();
    public IReadOnlyList<string> MaskedPaths { get; set; } = [];
    public IReadOnlyList<string> ReadonlyPaths { get; set; } = [];
    public string? MountLabel { get; set; }
    public PersonalityConfig? Personality { get; set; }
    public MemoryPolicyConfig? MemoryPolicy { get; set; }

    /// <summary>By clock: <c>monotonic</c> and <c>boottime</c>.</summary>
    public IReadOnlyDictionary<string, TimeOffset> TimeOffsets { get; set; } = new Dictionary<string, TimeOffset>();

    /// <summary>By name on the host.</summary>
    public IReadOnlyDictionary<string, NetDeviceConfig> NetDevices { get; set; } = new Dictionary<string, NetDeviceConfig>();
    public JsonElement? IntelRdt { get; set; }
}

public sealed record NamespaceConfig
{
    public string Type { get; set; } = "";
    public string? Path { get; set; }
}

public sealed record IdMapping
{
    [JsonPropertyName("containerID")] public uint ContainerId { get; set; }
    [JsonPropertyName("hostID")] public uint HostId { get; set; }
    public uint Size { get; set; }
}

public sealed record DeviceConfig
{
    public string Path { get; set; } = "";
    public string Type { get; set; } = "c";
    public long Major { get; set; }
    public long Minor { get; set; }
    public uint? FileMode { get; set; }
    public uint? Uid { get; set; }
    public uint? Gid { get; set; }
}

public sealed record SeccompConfig
{
    public string DefaultAction { get; set; } = "";
    public uint? DefaultErrnoRet { get; set; }
    public IReadOnlyList<string> Architectures { get; set; } = [];
    public IReadOnlyList<string> Flags { get; set; } = [];

    /// <summary>A listening socket that gets the descriptor of the filter's notifications.</summary>
    public string? ListenerPath { get; set; }
    public string? ListenerMetadata { get; set; }
    public IReadOnlyList<SeccompRule> Syscalls { get; set; } = [];
}

public sealed record SeccompRule
{
    public IReadOnlyList<string> Names { get; set; } = [];
    public string Action { get; set; } = "";
    public uint? ErrnoRet { get; set; }
    public IReadOnlyList<SeccompArgument> Args { get; set; } = [];
}

public sealed record SeccompArgument
{
    public uint Index { get; set; }
    public ulong Value { get; set; }
    public ulong ValueTwo { get; set; }
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
        ConfigReader.Parse(Encoding.UTF8.GetBytes(json), RuntimeConfigReader.Overlay);

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

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(RuntimeConfig))]
[JsonSerializable(typeof(ResourcesConfig))]
[JsonSerializable(typeof(OverlayConfig))]
[JsonSerializable(typeof(Seccomp.SeccompProfile))]
internal sealed partial class RuntimeJson : JsonSerializerContext;
