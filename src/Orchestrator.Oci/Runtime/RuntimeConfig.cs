using System.Text.Json;
using System.Text.Json.Serialization;

namespace Orchestrator.Oci.Runtime;

/// <summary>config.json of an OCI bundle, as much of it as a Linux runtime uses. Names and meanings are the OCI runtime specification's.</summary>
public sealed record RuntimeConfig
{
    public string OciVersion { get; init; } = "1.2.0";
    public ProcessConfig? Process { get; init; }
    public RootConfig? Root { get; init; }
    public string? Hostname { get; init; }
    public string? Domainname { get; init; }
    public IReadOnlyList<MountConfig> Mounts { get; init; } = [];
    public LinuxConfig Linux { get; init; } = new();
    public IReadOnlyDictionary<string, string> Annotations { get; init; } = new Dictionary<string, string>();
    public JsonElement? Hooks { get; init; }

    /// <exception cref="JsonException">The text is not a config.json; the message names the field.</exception>
    public static RuntimeConfig Parse(ReadOnlySpan<byte> json) =>
        JsonSerializer.Deserialize(json, RuntimeJson.Default.RuntimeConfig) ?? throw new JsonException("config.json is null");

    public byte[] ToJson() => JsonSerializer.SerializeToUtf8Bytes(this, RuntimeJson.Default.RuntimeConfig);
}

public sealed record RootConfig
{
    public string Path { get; init; } = "rootfs";
    public bool Readonly { get; init; }
}

public sealed record ProcessConfig
{
    public bool Terminal { get; init; }
    public ConsoleSize? ConsoleSize { get; init; }
    public UserConfig User { get; init; } = new();
    public IReadOnlyList<string> Args { get; init; } = [];
    public IReadOnlyList<string> Env { get; init; } = [];
    public string Cwd { get; init; } = "/";
    public CapabilitiesConfig? Capabilities { get; init; }
    public IReadOnlyList<RlimitConfig> Rlimits { get; init; } = [];
    public bool NoNewPrivileges { get; init; }
    public int? OomScoreAdj { get; init; }

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
    public IReadOnlyList<uint> AdditionalGids { get; init; } = [];
}

public sealed record CapabilitiesConfig
{
    public IReadOnlyList<string> Bounding { get; init; } = [];
    public IReadOnlyList<string> Effective { get; init; } = [];
    public IReadOnlyList<string> Permitted { get; init; } = [];
    public IReadOnlyList<string> Inheritable { get; init; } = [];
    public IReadOnlyList<string> Ambient { get; init; } = [];
}

public sealed record RlimitConfig
{
    public string Type { get; init; } = "";
    public ulong Soft { get; init; }
    public ulong Hard { get; init; }
}

public sealed record MountConfig
{
    public string Destination { get; init; } = "";
    public string? Type { get; init; }
    public string? Source { get; init; }
    public IReadOnlyList<string> Options { get; init; } = [];
}

public sealed record LinuxConfig
{
    public IReadOnlyList<NamespaceConfig> Namespaces { get; init; } = [];
    public IReadOnlyList<IdMapping> UidMappings { get; init; } = [];
    public IReadOnlyList<IdMapping> GidMappings { get; init; } = [];
    public IReadOnlyList<DeviceConfig> Devices { get; init; } = [];
    public string? CgroupsPath { get; init; }
    public ResourcesConfig? Resources { get; init; }
    public string? RootfsPropagation { get; init; }
    public SeccompConfig? Seccomp { get; init; }
    public IReadOnlyDictionary<string, string> Sysctl { get; init; } = new Dictionary<string, string>();
    public IReadOnlyList<string> MaskedPaths { get; init; } = [];
    public IReadOnlyList<string> ReadonlyPaths { get; init; } = [];
}

public sealed record NamespaceConfig
{
    public string Type { get; init; } = "";
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
    public string Path { get; init; } = "";
    public string Type { get; init; } = "c";
    public long Major { get; init; }
    public long Minor { get; init; }
    public uint? FileMode { get; init; }
    public uint? Uid { get; init; }
    public uint? Gid { get; init; }
}

public sealed record ResourcesConfig
{
    public IReadOnlyList<DeviceRule> Devices { get; init; } = [];
    public MemoryResources? Memory { get; init; }
    public CpuResources? Cpu { get; init; }
    public PidsResources? Pids { get; init; }
    [JsonPropertyName("blockIO")] public BlockIoResources? BlockIo { get; init; }

    /// <summary>Version 2 files by name, written as they are.</summary>
    public IReadOnlyDictionary<string, string> Unified { get; init; } = new Dictionary<string, string>();
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
    public ulong? Swappiness { get; init; }
    public bool? DisableOOMKiller { get; init; }
}

public sealed record CpuResources
{
    public ulong? Shares { get; init; }
    public long? Quota { get; init; }
    public ulong? Period { get; init; }
    public string? Cpus { get; init; }
    public string? Mems { get; init; }
}

public sealed record PidsResources
{
    public long Limit { get; init; }
}

public sealed record BlockIoResources
{
    public ushort? Weight { get; init; }
}

public sealed record SeccompConfig
{
    public string DefaultAction { get; init; } = "";
    public uint? DefaultErrnoRet { get; init; }
    public IReadOnlyList<string> Architectures { get; init; } = [];
    public IReadOnlyList<string> Flags { get; init; } = [];
    public IReadOnlyList<SeccompRule> Syscalls { get; init; } = [];
}

public sealed record SeccompRule
{
    public IReadOnlyList<string> Names { get; init; } = [];
    public string Action { get; init; } = "";
    public uint? ErrnoRet { get; init; }
    public IReadOnlyList<SeccompArgument> Args { get; init; } = [];
}

public sealed record SeccompArgument
{
    public uint Index { get; init; }
    public ulong Value { get; init; }
    public ulong ValueTwo { get; init; }
    public string Op { get; init; } = "";
}

/// <summary>The value of the annotation <see cref="RuntimeAnnotations.Overlay"/>: what the root is made of.</summary>
public sealed record OverlayConfig
{
    /// <summary>Layer directories, topmost first.</summary>
    public IReadOnlyList<string> Lower { get; init; } = [];
    public string Upper { get; init; } = "";
    public string Work { get; init; } = "";

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
[JsonSerializable(typeof(OverlayConfig))]
internal sealed partial class RuntimeJson : JsonSerializerContext;
