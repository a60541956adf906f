using Orchestrator.Oci.Runtime;

namespace Orchestrator.Engine.Containers;

/// <summary>What the runtime is told of a container. Pure: the files that it names are made elsewhere.</summary>
internal sealed record BundleConfig(
    ContainerOptions Options, ContainerProcess Process, ImageUser User, string Hostname, IReadOnlyList<PlannedMount> Mounts, string CgroupsPath, string Directory)
{
    // Docker's: a tenth of a second, long enough to be cheap and short enough not to be felt.
    private const ulong CpuPeriodMicroseconds = 100_000;

    public RuntimeConfig ToRuntimeConfig()
    {
        var capabilities = Capabilities(Options.AddCapabilities, Options.DropCapabilities);
        return new RuntimeConfig
        {
            Hostname = Hostname,
            Process = ProcessSection(capabilities),
            Root = new RootConfig { Path = Path.Combine(Directory, Bundle.RootDirectory), Readonly = Options.ReadOnly },
            Mounts = [.. DefaultProfile.Mounts.Where(d => !Mounts.Any(m => m.Target == d.Destination)), .. Mounts.Select(ToConfig)],
            Linux = new LinuxConfig
            {
                Namespaces = [.. DefaultProfile.Namespaces.Select(n => n.Type == "network" ? n with { Path = Options.NetworkNamespace } : n)],
                CgroupsPath = CgroupsPath,
                Resources = Resources(Options.Limits),
                MaskedPaths = DefaultProfile.MaskedPaths,
                ReadonlyPaths = DefaultProfile.ReadonlyPaths,
                Seccomp = DefaultProfile.Seccomp(capabilities),
            },
            Annotations = Annotations(),
        };
    }

    /// <summary>Docker's default ones, changed as asked. "ALL" adds or drops every one that the machine knows.</summary>
    /// <exception cref="ContainerException">A name that is none.</exception>
    public static IReadOnlyList<string> Capabilities(IReadOnlyList<string> add, IReadOnlyList<string> drop)
    {
        var added = add.Select(Name).ToList();
        var dropped = drop.Select(Name).ToList();
        var from = added.Contains("CAP_ALL") ? KnownCapabilities.All : dropped.Contains("CAP_ALL") ? [] : DefaultProfile.Capabilities;
        return [.. from.Concat(added).Where(c => c != "CAP_ALL").Except(dropped).Distinct()];
    }

    private ProcessConfig ProcessSection(IReadOnlyList<string> capabilities) => new()
    {
        Args = Process.Arguments,
        Env = Process.Environment.Any(e => e.StartsWith("HOME=", StringComparison.Ordinal)) ? Process.Environment : [.. Process.Environment, "HOME=" + User.Home],
        Cwd = Process.WorkingDirectory,
        User = new UserConfig { Uid = User.Uid, Gid = User.Gid, AdditionalGids = User.AdditionalGids },
        // A user other than root holds none until it runs a program that has them; what bounds them stays.
        Capabilities = User.Uid == 0 ? DefaultProfile.CapabilitySets(capabilities) : new CapabilitiesConfig { Bounding = capabilities },
        NoNewPrivileges = true,
        Terminal = Options.Terminal,
    };

    private Dictionary<string, string> Annotations()
    {
        var annotations = new Dictionary<string, string>
        {
            [RuntimeAnnotations.Overlay] = new OverlayConfig
            {
                Lower = Options.Image.LayerDirectories,
                Upper = Path.Combine(Directory, Bundle.UpperDirectory),
                Work = Path.Combine(Directory, Bundle.WorkDirectory),
            }.ToJson(),
        };
        if (Options.Init)
            annotations[RuntimeAnnotations.Init] = "true";
        return annotations;
    }

    private static ResourcesConfig Resources(ContainerLimits limits) => new()
    {
        Devices = DefaultProfile.DeviceRules,
        // The same limit for memory with swap: a container never swaps.
        Memory = limits.MemoryBytes > 0 ? new MemoryResources { Limit = limits.MemoryBytes, Swap = limits.MemoryBytes } : null,
        Cpu = limits.NanoCpus > 0
            ? new CpuResources { Period = CpuPeriodMicroseconds, Quota = Math.Max(1000, limits.NanoCpus * (long)CpuPeriodMicroseconds / 1_000_000_000) }
            : null,
        Pids = limits.Pids > 0 ? new PidsResources { Limit = limits.Pids } : null,
    };

    private static MountConfig ToConfig(PlannedMount mount) =>
        new() { Destination = mount.Target, Type = mount.Type, Source = mount.Source, Options = mount.Options };

    private static string Name(string capability)
    {
        var name = capability.ToUpperInvariant();
        name = name.StartsWith("CAP_", StringComparison.Ordinal) ? name : "CAP_" + name;
        return name == "CAP_ALL" || KnownCapabilities.All.Contains(name) ? name
            : throw new ContainerException($"capability \"{capability}\" is unknown; expected a name such as NET_ADMIN, or ALL");
    }
}
