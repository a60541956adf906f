using System.Net;
using Orchestrator.Engine.Images;

namespace Orchestrator.Engine.Containers;

/// <summary>What a container is to be. What is null or empty here is as the image says.</summary>
public sealed record ContainerOptions
{
    public required string Id { get; init; }
    public required StoredImage Image { get; init; }

    /// <summary>Empty but not null clears the image's; a given one also drops the image's command.</summary>
    public IReadOnlyList<string>? Entrypoint { get; init; }
    public IReadOnlyList<string>? Command { get; init; }

    /// <summary>Over the image's, by name.</summary>
    public IReadOnlyDictionary<string, string> Environment { get; init; } = new Dictionary<string, string>();

    /// <summary>"uid", "uid:gid", "name", "name:group".</summary>
    public string User { get; init; } = "";
    public string WorkingDirectory { get; init; } = "";

    /// <summary>Empty: the first 12 characters of the id.</summary>
    public string Hostname { get; init; } = "";
    public IReadOnlyList<ContainerMount> Mounts { get; init; } = [];
    public ContainerLimits Limits { get; init; } = new();

    /// <summary>"NET_ADMIN", "ALL".</summary>
    public IReadOnlyList<string> AddCapabilities { get; init; } = [];
    public IReadOnlyList<string> DropCapabilities { get; init; } = [];
    public bool ReadOnly { get; init; }

    /// <summary>What its stdin is: by default /dev/null.</summary>
    public ContainerInput Input { get; init; }

    /// <summary>Stdin, stdout and stderr are a terminal of the container's.</summary>
    public bool Terminal { get; init; }

    /// <summary>A small init as process 1 that reaps orphans and passes signals on.</summary>
    public bool Init { get; init; }

    /// <summary>"SIGTERM", "TERM" or a number.</summary>
    public string StopSignal { get; init; } = "";

    /// <summary>Null: a network namespace of its own, with nothing but loopback.</summary>
    public string? NetworkNamespace { get; init; }

    /// <summary>Lines of /etc/hosts: the container's own addresses first.</summary>
    public IReadOnlyList<HostEntry> Hosts { get; init; } = [];
    public DnsOptions Dns { get; init; } = new();
    public IReadOnlyDictionary<string, string> Labels { get; init; } = new Dictionary<string, string>();

    /// <summary>All capabilities and devices, no filter, nothing masked or read-only.</summary>
    public bool Privileged { get; init; }

    /// <summary>No program gives its starter more than it had, as set-id ones do.</summary>
    public bool NoNewPrivileges { get; init; } = true;

    /// <summary>Without the filter of system calls.</summary>
    public bool SeccompUnconfined { get; init; }
    public IReadOnlyList<ResourceLimit> Ulimits { get; init; } = [];

    /// <summary>"net.core.somaxconn".</summary>
    public IReadOnlyDictionary<string, string> Sysctls { get; init; } = new Dictionary<string, string>();
    public IReadOnlyList<DeviceMapping> Devices { get; init; } = [];

    /// <summary>Further groups of the process: names in the image, or numbers.</summary>
    public IReadOnlyList<string> AddGroups { get; init; } = [];

    /// <summary>Of /dev/shm; 0: 64 MiB.</summary>
    public long ShmSizeBytes { get; init; }
    public string Domainname { get; init; } = "";
    public int OomScoreAdj { get; init; }

    /// <summary>The machine's network, with its hosts file and name; <see cref="NetworkNamespace"/> is not used then.</summary>
    public bool HostNetwork { get; init; }

    /// <summary>The machine's processes are seen.</summary>
    public bool HostPids { get; init; }

    /// <summary>The machine's shared memory and message queues.</summary>
    public bool HostIpc { get; init; }

    /// <summary>The machine's control groups are seen, as far as they are mounted.</summary>
    public bool HostCgroup { get; init; }

    /// <summary>The machine's host name, which a container that may do so could change.</summary>
    public bool HostUts { get; init; }

    /// <summary>Devices that it may use without being given a node: "c 1:3 rwm", "b 8:* r", "a *:* rwm".</summary>
    public IReadOnlyList<string> DeviceRules { get; init; } = [];

    /// <summary>Passed on to the runtime. Names that begin with io.orchestrator. are the engine's own.</summary>
    public IReadOnlyDictionary<string, string> Annotations { get; init; } = new Dictionary<string, string>();

    /// <summary>A process whose pid namespace it joins; 0: none.</summary>
    public int PidsOf { get; init; }

    /// <summary>A filter of system calls in Docker's form, instead of the default one; empty: that one.</summary>
    public string SeccompProfile { get; init; } = "";

    /// <summary>0: the engine's.</summary>
    public long LogBytesMax { get; init; }

    /// <summary>0: the engine's.</summary>
    public int LogFilesMax { get; init; }
}

public enum ContainerInput
{
    None,

    /// <summary>Stays open while clients attach and detach.</summary>
    Open,

    /// <summary>Ends when the first attached client goes.</summary>
    UntilDetach,
}

/// <param name="Name">"nofile".</param>
/// <param name="Soft">-1: no limit.</param>
public sealed record ResourceLimit(string Name, long Soft, long Hard);

/// <param name="Source">A device of this machine, or a directory of such.</param>
/// <param name="Permissions">Of "rwm".</param>
public sealed record DeviceMapping(string Source, string Target, string Permissions);

public sealed record HostEntry(IPAddress Address, string Name);

/// <param name="Servers">Empty: the machine's own.</param>
public sealed record DnsOptions(IReadOnlyList<IPAddress> Servers, IReadOnlyList<string> Search)
{
    public DnsOptions() : this([], [])
    {
    }

    /// <summary>Lines for the resolver: "ndots:2".</summary>
    public IReadOnlyList<string> Options { get; init; } = [];
}

/// <summary>Zero is no limit.</summary>
/// <param name="NanoCpus">1e9 is one core.</param>
public sealed record ContainerLimits(long NanoCpus = 0, long MemoryBytes = 0, long Pids = 0)
{
    /// <summary>Memory and swap together. 0: as much as memory, so none is swapped; -1: no limit.</summary>
    public long MemorySwapBytes { get; init; }
    public long MemoryReservationBytes { get; init; }

    /// <summary>"0-2,4"; empty: all.</summary>
    public string CpusetCpus { get; init; } = "";
    public string CpusetMems { get; init; } = "";

    /// <summary>1024 is usual.</summary>
    public long CpuShares { get; init; }

    /// <summary>10..1000.</summary>
    public int BlkioWeight { get; init; }
}

/// <summary>Something that appears at a path of the container.</summary>
public abstract record ContainerMount(string Target, bool ReadOnly);

/// <param name="CreateSource">Makes a directory where the source is missing; otherwise that is an error.</param>
public sealed record BindMount(string Source, string Target, bool ReadOnly = false, bool CreateSource = false) : ContainerMount(Target, ReadOnly);

/// <param name="Name">Of the volume on this machine; null: one of the container's own, which goes with it.</param>
/// <param name="Subpath">A directory inside the volume.</param>
public sealed record VolumeMount(string? Name, string Target, bool ReadOnly = false, string Subpath = "") : ContainerMount(Target, ReadOnly);

/// <param name="SizeBytes">0: half of the machine's memory, as the kernel does.</param>
/// <param name="Mode">0: 1777.</param>
public sealed record TemporaryMount(string Target, long SizeBytes = 0, int Mode = 0, bool ReadOnly = false) : ContainerMount(Target, ReadOnly);

/// <summary>The container cannot be made or started as asked; the message names what and where.</summary>
public sealed class ContainerException(string message, Exception? inner = null) : Exception(message, inner);
