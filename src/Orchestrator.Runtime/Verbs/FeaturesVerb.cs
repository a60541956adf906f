using System.Text.Json;
using System.Text.Json.Serialization;
using Orchestrator.Linux;
using Orchestrator.Oci.Runtime;
using Orchestrator.Oci.Runtime.Seccomp;
using Orchestrator.Runtime.Planning;

namespace Orchestrator.Runtime.Verbs;

/// <summary>What this runtime can do, in the form of the specification's features.md.</summary>
internal static class FeaturesVerb
{
    public static int Run()
    {
        FileDescriptors.Write(1, JsonSerializer.Serialize(new FeaturesReport(), FeaturesJson.Default.FeaturesReport) + "\n");
        return 0;
    }
}

internal sealed record FeaturesReport
{
    public string OciVersionMin { get; init; } = "1.0.0";
    public string OciVersionMax { get; init; } = "1.2.0";
    public IReadOnlyList<string> Hooks { get; init; } = ["prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop"];
    public IReadOnlyList<string> MountOptions { get; init; } = [.. Planning.MountOptions.Names];
    public LinuxFeatures Linux { get; init; } = new();
    public IReadOnlyDictionary<string, string> Annotations { get; init; } = new Dictionary<string, string>
    {
        ["io.orchestrator.runtime.version"] = typeof(FeaturesReport).Assembly.GetName().Version!.ToString(3),
    };
    public IReadOnlyList<string> PotentiallyUnsafeConfigAnnotations { get; init; } = [RuntimeAnnotations.Overlay, RuntimeAnnotations.Init];
}

internal sealed record LinuxFeatures
{
    public IReadOnlyList<string> Namespaces { get; init; } = ["cgroup", "ipc", "mount", "network", "pid", "time", "user", "uts"];
    public IReadOnlyList<string> Capabilities { get; init; } = CapabilityTable.Names;
    public CgroupFeatures Cgroup { get; init; } = new();
    public SeccompFeatures Seccomp { get; init; } = new();

    // What the runtime does where the kernel has the module, as the specification asks; not whether this kernel has it.
    public Switch Apparmor { get; init; } = new(true);
    public Switch Selinux { get; init; } = new(true);
    public IntelRdtFeatures IntelRdt { get; init; } = new(false, false);
    public MountExtensions MountExtensions { get; init; } = new(new Switch(true));
    public Switch NetDevices { get; init; } = new(true);
}

internal sealed record CgroupFeatures
{
    public bool V1 { get; init; } = true;
    public bool V2 { get; init; } = true;
    public bool Systemd { get; init; }
    public bool SystemdUser { get; init; }
    public bool Rdma { get; init; } = true;
}

internal sealed record SeccompFeatures
{
    public bool Enabled { get; init; } = true;
    public IReadOnlyList<string> Actions { get; init; } =
        ["SCMP_ACT_ALLOW", "SCMP_ACT_ERRNO", "SCMP_ACT_KILL", "SCMP_ACT_KILL_PROCESS", "SCMP_ACT_KILL_THREAD", "SCMP_ACT_LOG", "SCMP_ACT_NOTIFY",
        "SCMP_ACT_TRACE", "SCMP_ACT_TRAP"];
    public IReadOnlyList<string> Operators { get; init; } =
        ["SCMP_CMP_EQ", "SCMP_CMP_GE", "SCMP_CMP_GT", "SCMP_CMP_LE", "SCMP_CMP_LT", "SCMP_CMP_MASKED_EQ", "SCMP_CMP_NE"];
    public IReadOnlyList<string> Archs { get; init; } = [.. SeccompCompiler.Architectures.Order(StringComparer.Ordinal)];
    public IReadOnlyList<string> KnownFlags { get; init; } = SeccompFilterFlags.Names;
    public IReadOnlyList<string> SupportedFlags { get; init; } = SeccompFilterFlags.Names;
}

internal sealed record IntelRdtFeatures(bool Enabled, bool Schemata);

internal sealed record MountExtensions(Switch Idmap);

internal sealed record Switch(bool Enabled);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(FeaturesReport))]
internal sealed partial class FeaturesJson : JsonSerializerContext;
