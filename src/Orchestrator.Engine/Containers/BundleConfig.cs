using System.Globalization;
using System.Text.Json;
using Orchestrator.Oci.Runtime;
using Orchestrator.Oci.Runtime.Seccomp;

namespace Orchestrator.Engine.Containers;

/// <summary>What the runtime is told of a container. Pure: the files that it names are made elsewhere.</summary>
internal sealed record BundleConfig(
    ContainerOptions Options, ContainerProcess Process, ImageUser User, string Hostname, IReadOnlyList<PlannedMount> Mounts, string CgroupsPath, string Directory)
{
    // Docker's: a tenth of a second, long enough to be cheap and short enough not to be felt.
    private const ulong CpuPeriodMicroseconds = 100_000;

    private const ulong DefaultShares = 1024;

    public RuntimeConfig ToRuntimeConfig()
    {
        var capabilities = Options.Privileged ? KnownCapabilities.Available : Capabilities(Options.AddCapabilities, Options.DropCapabilities);
        var devices = Options.Privileged ? HostDevices.All() : HostDevices.Of(Options.Devices);
        return new RuntimeConfig
        {
            Hostname = Options.HostNetwork || Options.HostUts ? null : Hostname,
            Domainname = Options.Domainname.Length > 0 && !Options.HostUts ? Options.Domainname : null,
            Process = ProcessSection(capabilities),
            Root = new RootConfig { Path = Path.Combine(Directory, Bundle.RootDirectory), Readonly = Options.ReadOnly },
            Mounts = [.. DefaultMounts().Where(d => !Mounts.Any(m => m.Target == d.Destination)), .. Mounts.Select(ToConfig)],
            Linux = new LinuxConfig
            {
                Namespaces = [.. Namespaces()],
                CgroupsPath = CgroupsPath,
                Resources = ResourcesOf(Options.Limits) with { Devices = DeviceRules(devices) },
                Devices = [.. devices.Select(d => d.Node)],
                Sysctl = Options.Sysctls,
                MaskedPaths = Options.Privileged ? [] : DefaultProfile.MaskedPaths,
                ReadonlyPaths = Options.Privileged ? [] : DefaultProfile.ReadonlyPaths,
                Seccomp = Seccomp(capabilities),
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
        NoNewPrivileges = Options.NoNewPrivileges && !Options.Privileged,
        Rlimits = [.. Options.Ulimits.Select(Limit)],
        OomScoreAdj = Options.OomScoreAdj == 0 ? null : Options.OomScoreAdj,
        Terminal = Options.Terminal,
    };

    private IEnumerable<MountConfig> DefaultMounts() => DefaultProfile.Mounts.Select(mount => mount.Destination switch
    {
        "/dev/shm" when Options.HostIpc => new MountConfig { Destination = "/dev/shm", Type = "bind", Source = "/dev/shm", Options = ["rbind"] },
        "/dev/shm" when Options.ShmSizeBytes > 0 => mount with { Options = [.. mount.Options.Select(o => o.StartsWith("size=", StringComparison.Ordinal) ? ShmSize() : o)] },
        "/sys" or "/sys/fs/cgroup" when Options.Privileged => mount with { Options = [.. mount.Options.Where(o => o != "ro")] },
        _ => mount,
    });

    private string ShmSize() => string.Create(CultureInfo.InvariantCulture, $"size={Options.ShmSizeBytes}");

    private IEnumerable<NamespaceConfig> Namespaces() => DefaultProfile.Namespaces
        .Where(n => !(n.Type == "network" && Options.HostNetwork) && !(n.Type == "pid" && Options.HostPids) && !(n.Type == "ipc" && Options.HostIpc)
            && !(n.Type == "cgroup" && Options.HostCgroup) && !(n.Type == "uts" && Options.HostUts))
        .Select(n => n.Type switch
        {
            "network" => n with { Path = Options.NetworkNamespace },
            "pid" when Options.PidsOf > 0 => n with { Path = $"/proc/{Options.PidsOf}/ns/pid" },
            _ => n,
        });

    private SeccompConfig? Seccomp(IReadOnlyList<string> capabilities)
    {
        if (Options.Privileged || Options.SeccompUnconfined)
            return null;
        if (Options.SeccompProfile.Length == 0)
            return DefaultProfile.Seccomp(capabilities);
        try
        {
            var seccomp = SeccompProfile.Parse(Options.SeccompProfile).For(capabilities, Environment.OSVersion.Version);
            SeccompCompiler.Compile(seccomp);
            return seccomp;
        }
        catch (Exception e) when (e is JsonException or RuntimeConfigException)
        {
            throw new ContainerException($"the seccomp profile cannot be used: {e.Message}", e);
        }
    }

    private DeviceRule[] DeviceRules(IReadOnlyList<HostDevice> devices) => Options.Privileged
        ? [new DeviceRule { Allow = true, Access = "rwm" }]
        : [.. DefaultProfile.DeviceRules, .. devices.Select(d => d.Rule), .. Options.DeviceRules.Select(HostDevices.Rule)];

    private static RlimitConfig Limit(ResourceLimit limit) => new()
    {
        Type = "RLIMIT_" + limit.Name.ToUpperInvariant(),
        Soft = limit.Soft < 0 ? ulong.MaxValue : (ulong)limit.Soft,
        Hard = limit.Hard < 0 ? ulong.MaxValue : (ulong)limit.Hard,
    };

    private Dictionary<string, string> Annotations()
    {
        if (Options.Annotations.Keys.FirstOrDefault(n => n.StartsWith("io.orchestrator.", StringComparison.Ordinal)) is { } own)
            throw new ContainerException($"annotation \"{own}\" is the engine's own; choose a name that does not begin with io.orchestrator.");
        var annotations = new Dictionary<string, string>(Options.Annotations)
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

    /// <summary>The limits alone, without devices.</summary>
    public static ResourcesConfig ResourcesOf(ContainerLimits limits) => new()
    {
        Memory = limits.MemoryBytes > 0 || limits.MemoryReservationBytes > 0 ? Memory(limits) : null,
        Cpu = limits.NanoCpus > 0 || limits.CpusetCpus.Length > 0 || limits.CpusetMems.Length > 0 || limits.CpuShares > 0 ? Cpu(limits) : null,
        Pids = limits.Pids > 0 ? new PidsResources { Limit = limits.Pids } : null,
        BlockIo = limits.BlkioWeight > 0 ? new BlockIoResources { Weight = (ushort)limits.BlkioWeight } : null,
    };

    /// <summary>What differs, in the runtime's words; a limit that is there no more is lifted. Which CPUs it may use can only be said anew.</summary>
    public static ResourcesConfig ChangeOf(ContainerLimits before, ContainerLimits limits)
    {
        var set = ResourcesOf(limits);
        var memory = (before.MemoryBytes, before.MemorySwapBytes) != (limits.MemoryBytes, limits.MemorySwapBytes);
        var reservation = before.MemoryReservationBytes != limits.MemoryReservationBytes;
        return new ResourcesConfig
        {
            Memory = !memory && !reservation ? null : new MemoryResources
            {
                Limit = memory ? set.Memory?.Limit ?? -1 : null,
                Swap = memory ? set.Memory?.Swap ?? -1 : null,
                Reservation = reservation ? set.Memory?.Reservation ?? -1 : null,
            },
            Cpu = Cpu(before) == Cpu(limits) ? null : Cpu(limits) with
            {
                Quota = before.NanoCpus != limits.NanoCpus ? set.Cpu?.Quota ?? -1 : null,
                Shares = before.CpuShares != limits.CpuShares ? set.Cpu?.Shares ?? DefaultShares : null,
            },
            Pids = before.Pids != limits.Pids ? set.Pids ?? new PidsResources { Limit = -1 } : null,
            BlockIo = before.BlkioWeight != limits.BlkioWeight ? set.BlockIo : null,
        };
    }

    private static MemoryResources Memory(ContainerLimits limits) => new()
    {
        Limit = limits.MemoryBytes > 0 ? limits.MemoryBytes : null,
        Reservation = limits.MemoryReservationBytes > 0 ? limits.MemoryReservationBytes : null,
        // Unless asked otherwise the same limit for memory with swap: a container never swaps.
        Swap = limits.MemoryBytes == 0 ? null : limits.MemorySwapBytes != 0 ? limits.MemorySwapBytes : limits.MemoryBytes,
    };

    private static CpuResources Cpu(ContainerLimits limits) => new()
    {
        Period = limits.NanoCpus > 0 ? CpuPeriodMicroseconds : null,
        Quota = limits.NanoCpus > 0 ? Math.Max(1000, limits.NanoCpus * (long)CpuPeriodMicroseconds / 1_000_000_000) : null,
        Cpus = limits.CpusetCpus.Length > 0 ? limits.CpusetCpus : null,
        Mems = limits.CpusetMems.Length > 0 ? limits.CpusetMems : null,
        Shares = limits.CpuShares > 0 ? (ulong)limits.CpuShares : null,
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
