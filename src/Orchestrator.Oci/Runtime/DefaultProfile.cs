namespace Orchestrator.Oci.Runtime;

/// <summary>What a container gets when nobody asked for more: Docker's defaults.</summary>
public static class DefaultProfile
{
    public static IReadOnlyList<string> Capabilities { get; } =
    [
        "CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_FSETID", "CAP_FOWNER", "CAP_MKNOD", "CAP_NET_RAW", "CAP_SETGID", "CAP_SETUID", "CAP_SETFCAP",
        "CAP_SETPCAP", "CAP_NET_BIND_SERVICE", "CAP_SYS_CHROOT", "CAP_KILL", "CAP_AUDIT_WRITE",
    ];

    public static IReadOnlyList<MountConfig> Mounts { get; } =
    [
        Mount("/proc", "proc", "nosuid", "noexec", "nodev"),
        Mount("/dev", "tmpfs", "nosuid", "strictatime", "mode=755", "size=65536k"),
        Mount("/dev/pts", "devpts", "nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"),
        Mount("/sys", "sysfs", "nosuid", "noexec", "nodev", "ro"),
        Mount("/sys/fs/cgroup", "cgroup", "ro", "nosuid", "noexec", "nodev"),
        Mount("/dev/mqueue", "mqueue", "nosuid", "noexec", "nodev"),
        Mount("/dev/shm", "tmpfs", "nosuid", "noexec", "nodev", "mode=1777", "size=65536k"),
    ];

    public static IReadOnlyList<string> MaskedPaths { get; } =
    [
        "/proc/asound", "/proc/acpi", "/proc/interrupts", "/proc/kcore", "/proc/keys", "/proc/latency_stats", "/proc/timer_list",
        "/proc/timer_stats", "/proc/sched_debug", "/proc/scsi", "/sys/firmware", "/sys/devices/virtual/powercap",
    ];

    public static IReadOnlyList<string> ReadonlyPaths { get; } =
        ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"];

    /// <summary>For linux.resources.devices: nodes may be made, only the harmless ones opened.</summary>
    public static IReadOnlyList<DeviceRule> DeviceRules { get; } =
    [
        new() { Allow = false, Access = "rwm" },
        Allow("c", null, null, "m"), Allow("b", null, null, "m"),
        Allow("c", 1, 3), Allow("c", 1, 5), Allow("c", 1, 7), Allow("c", 1, 8), Allow("c", 1, 9),
        Allow("c", 5, 0), Allow("c", 5, 1), Allow("c", 5, 2), Allow("c", 136, null),
    ];

    public static IReadOnlyList<NamespaceConfig> Namespaces { get; } =
        [.. new[] { "mount", "uts", "ipc", "pid", "network", "cgroup" }.Select(type => new NamespaceConfig { Type = type })];

    /// <summary>The filter depends on the capabilities: some calls are allowed along with the capability that they need anyway.</summary>
    public static SeccompConfig Seccomp(IReadOnlyCollection<string> capabilities) => DefaultSeccomp.For(capabilities);

    /// <summary>The effective, permitted and bounding sets that root in a container gets; the inheritable and ambient ones stay empty.</summary>
    public static CapabilitiesConfig CapabilitySets(IReadOnlyList<string> capabilities) =>
        new() { Bounding = capabilities, Effective = capabilities, Permitted = capabilities };

    /// <summary>A whole config.json that runs <c>sh</c> in the directory <c>rootfs</c>.</summary>
    public static RuntimeConfig Config() => new()
    {
        Process = new ProcessConfig
        {
            Args = ["sh"],
            Env = ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"],
            Capabilities = CapabilitySets(Capabilities),
            NoNewPrivileges = true,
        },
        Root = new RootConfig(),
        Hostname = "container",
        Mounts = Mounts,
        Linux = new LinuxConfig
        {
            Namespaces = Namespaces,
            Resources = new ResourcesConfig { Devices = DeviceRules },
            MaskedPaths = MaskedPaths,
            ReadonlyPaths = ReadonlyPaths,
            Seccomp = Seccomp(Capabilities),
        },
    };

    private static MountConfig Mount(string destination, string type, params string[] options) =>
        new() { Destination = destination, Type = type, Source = type == "tmpfs" && destination == "/dev/shm" ? "shm" : type, Options = options };

    private static DeviceRule Allow(string type, long? major, long? minor, string access = "rwm") =>
        new() { Allow = true, Type = type, Major = major, Minor = minor, Access = access };
}
