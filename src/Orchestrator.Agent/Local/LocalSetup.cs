using System.Net;
using Orchestrator.Agent.Endpoints;
using Orchestrator.Engine.Containers;
using Orchestrator.Engine.Images;
using Orchestrator.Engine.Networks;
using Orchestrator.Model;

namespace Orchestrator.Agent.Local;

/// <summary>What the spec of a container of this machine means for the engine.</summary>
internal static class LocalSetup
{
    private static readonly TimeSpan s_grace = TimeSpan.FromSeconds(10);

    /// <param name="attachment">Null: no network of its own.</param>
    /// <param name="shared">Null: of other containers nothing is joined yet.</param>
    public static ContainerOptions Of(LocalRecord record, StoredImage image, Attachment? attachment, SharedNamespaces? shared = null)
    {
        var spec = record.Spec.Container;
        var hostname = spec.Hostname.Length > 0 ? spec.Hostname : record.Spec.Network == "host" ? "" : record.Id[..12];
        return new ContainerOptions
        {
            Id = record.Id,
            Image = image,
            Entrypoint = spec.EntrypointSet ? spec.Entrypoint : null,
            Command = spec.CommandSet ? spec.Command : null,
            Environment = Environment(spec),
            User = spec.User,
            WorkingDirectory = spec.WorkingDir,
            Hostname = hostname,
            Domainname = spec.Domainname,
            Mounts = [.. spec.Mounts.Select(Mount)],
            Limits = Limits(record.Spec.Limits),
            AddCapabilities = spec.CapAdd,
            DropCapabilities = spec.CapDrop,
            ReadOnly = spec.ReadOnly,
            Init = spec.Init,
            StopSignal = spec.StopSignal,
            NetworkNamespace = attachment?.NetnsPath ?? (shared is { Network: > 0 } ? $"/proc/{shared.Network}/ns/net" : null),
            HostNetwork = record.Spec.Network == "host",
            HostPids = spec.PidMode == "host",
            HostIpc = spec.IpcMode == "host",
            PidsOf = shared?.Pids ?? 0,
            SeccompProfile = spec.SecurityOptions.FirstOrDefault(o => o.StartsWith("seccomp={", StringComparison.Ordinal))?["seccomp=".Length..] ?? "",
            Hosts = [.. ExtraHosts(spec, attachment), .. attachment?.Addresses.Values.Select(a => new HostEntry(a, hostname)) ?? []],
            Dns = Dns(spec, attachment),
            Labels = new Dictionary<string, string>(spec.Labels),
            Privileged = spec.Privileged,
            NoNewPrivileges = spec.SecurityOptions.Any(o => o is "no-new-privileges" or "no-new-privileges:true" or "no-new-privileges=true"),
            SeccompUnconfined = spec.SecurityOptions.Any(o => o is "seccomp=unconfined" or "seccomp:unconfined"),
            Ulimits = [.. spec.Ulimits.Select(u => new ResourceLimit(u.Name, u.Soft, u.Hard))],
            Sysctls = new Dictionary<string, string>(spec.Sysctls),
            Devices = [.. spec.Devices.Select(d => new DeviceMapping(d.Source, d.Target, d.Permissions))],
            AddGroups = spec.GroupAdd,
            ShmSizeBytes = spec.ShmSizeBytes,
            OomScoreAdj = spec.OomScoreAdj,
            Terminal = spec.Tty,
            Input = !spec.StdinOpen ? ContainerInput.None : record.Spec.StdinOnce && !spec.Tty ? ContainerInput.UntilDetach : ContainerInput.Open,
            LogBytesMax = record.Spec.Log?.MaxSizeBytes ?? 0,
            LogFilesMax = record.Spec.Log?.MaxFiles ?? 0,
        };
    }

    public static ContainerLimits Limits(Resources? limits) => limits is null ? new ContainerLimits() : new ContainerLimits(limits.NanoCpus, limits.MemoryBytes, limits.Pids)
    {
        MemorySwapBytes = limits.MemorySwapBytes,
        MemoryReservationBytes = limits.MemoryReservationBytes,
        CpusetCpus = limits.CpusetCpus,
        CpusetMems = limits.CpusetMems,
        CpuShares = limits.CpuShares,
        BlkioWeight = limits.BlkioWeight,
    };

    /// <summary>Null: never killed.</summary>
    public static TimeSpan? Grace(ContainerSpec spec) => spec.StopGracePeriodMs switch
    {
        0 => s_grace,
        < 0 => null,
        var milliseconds => TimeSpan.FromMilliseconds(milliseconds),
    };

    public static IEnumerable<HostPort> HostPorts(LocalRecord record, IPAddress address) => record.Ports.Select(p => new HostPort(
        p.Protocol, p.Published, p.HostIp is "" or "0.0.0.0" ? null : IPAddress.Parse(p.HostIp), address, p.Target));

    private static Dictionary<string, string> Environment(ContainerSpec spec)
    {
        var environment = new Dictionary<string, string>(spec.Environment);
        if (spec.Tty)
            environment.TryAdd("TERM", "xterm");
        return environment;
    }

    private static IEnumerable<HostEntry> ExtraHosts(ContainerSpec spec, Attachment? attachment)
    {
        foreach (var entry in spec.ExtraHosts)
        {
            var colon = entry.IndexOfAny([':', '=']);
            var text = colon < 0 ? "" : entry[(colon + 1)..].Trim('[', ']');
            var address = text == "host-gateway" ? attachment?.DnsServer : IPAddress.TryParse(text, out var parsed) ? parsed : null;
            yield return colon > 0 && address is not null ? new HostEntry(address, entry[..colon])
                : throw LocalRefusal.Invalid($"extra host \"{entry}\": expected NAME:ADDRESS, or NAME:host-gateway with a network");
        }
    }

    private static DnsOptions Dns(ContainerSpec spec, Attachment? attachment)
    {
        IPAddress[] servers = spec.Dns.Count > 0 ? [.. spec.Dns.Select(Address)] : attachment?.DnsServer is { } own ? [own] : [];
        return new DnsOptions(servers, spec.DnsSearch) { Options = spec.DnsOptions };
    }

    private static IPAddress Address(string text) =>
        IPAddress.TryParse(text, out var address) ? address : throw LocalRefusal.Invalid($"dns server \"{text}\": expected an IP address");

    private static ContainerMount Mount(MountSpec mount) => mount.Type switch
    {
        MountType.Bind => new BindMount(mount.Source, mount.Target, mount.ReadOnly, mount.CreateHostPath),
        MountType.Tmpfs => new TemporaryMount(mount.Target, mount.TmpfsSizeBytes, mount.TmpfsMode, mount.ReadOnly),
        _ => new VolumeMount(mount.Source.Length == 0 ? null : mount.Source, mount.Target, mount.ReadOnly, mount.Subpath),
    };
}

/// <summary>Processes of other containers whose namespaces are joined; 0: none.</summary>
internal sealed record SharedNamespaces(int Network, int Pids);
