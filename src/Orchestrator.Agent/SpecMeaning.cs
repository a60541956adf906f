using System.Net;
using Orchestrator.Engine.Containers;
using Orchestrator.Engine.Images;
using Orchestrator.Engine.Networks;
using Orchestrator.Model;

namespace Orchestrator.Agent;

/// <summary>What a container's spec means for the engine, whether the cluster wants the container or this machine's user.</summary>
internal static class SpecMeaning
{
    private const string HostGateway = "host-gateway";

    /// <summary>Mounts and limits are the caller's to add.</summary>
    /// <param name="network">"host", "none", or anything else for the attachment's.</param>
    /// <param name="attachment">Null: no network of its own, or not yet.</param>
    /// <exception cref="ContainerException">A value that cannot be read.</exception>
    public static ContainerOptions Of(ContainerSpec spec, string id, StoredImage image, string network, Attachment? attachment)
    {
        var hostname = spec.Hostname.Length > 0 ? spec.Hostname : network == "host" || spec.UtsMode == "host" ? "" : id[..Math.Min(12, id.Length)];
        return new ContainerOptions
        {
            Id = id,
            Image = image,
            Entrypoint = spec.EntrypointSet || spec.Entrypoint.Count > 0 ? spec.Entrypoint : null,
            Command = spec.CommandSet || spec.Command.Count > 0 ? spec.Command : null,
            Environment = Environment(spec),
            User = spec.User,
            WorkingDirectory = spec.WorkingDir,
            Hostname = hostname,
            Domainname = spec.Domainname,
            AddCapabilities = spec.CapAdd,
            DropCapabilities = spec.CapDrop,
            ReadOnly = spec.ReadOnly,
            Init = spec.Init,
            StopSignal = spec.StopSignal,
            NetworkNamespace = attachment?.NetnsPath,
            HostNetwork = network == "host",
            HostPids = spec.PidMode == "host",
            HostIpc = spec.IpcMode == "host",
            HostCgroup = spec.CgroupMode == "host",
            HostUts = spec.UtsMode == "host",
            SeccompUnconfined = spec.SecurityOptions.Any(o => o is "seccomp=unconfined" or "seccomp:unconfined"),
            SeccompProfile = spec.SecurityOptions.FirstOrDefault(o => o.StartsWith("seccomp={", StringComparison.Ordinal))?["seccomp=".Length..] ?? "",
            Hosts = [.. ExtraHosts(spec, network, attachment), .. OwnNames(hostname, attachment)],
            Dns = Dns(spec, attachment),
            Labels = new Dictionary<string, string>(spec.Labels),
            Annotations = new Dictionary<string, string>(spec.Annotations),
            Privileged = spec.Privileged,
            Ulimits = [.. spec.Ulimits.Select(u => new ResourceLimit(u.Name, u.Soft, u.Hard))],
            Sysctls = new Dictionary<string, string>(spec.Sysctls),
            Devices = [.. spec.Devices.Select(d => new DeviceMapping(d.Source, d.Target, d.Permissions))],
            DeviceRules = spec.DeviceRules,
            AddGroups = spec.GroupAdd,
            ShmSizeBytes = spec.ShmSizeBytes,
            OomScoreAdj = spec.OomScoreAdj,
            Terminal = spec.Tty,
            Input = spec.StdinOpen ? ContainerInput.Open : ContainerInput.None,
            LogBytesMax = spec.Log?.MaxSizeBytes ?? 0,
            LogFilesMax = spec.Log?.MaxFiles ?? 0,
        };
    }

    // Without a name of its own a container has the node's, which is not its address.
    private static IEnumerable<HostEntry> OwnNames(string hostname, Attachment? attachment) =>
        hostname.Length == 0 ? [] : attachment?.Addresses.Values.Select(a => new HostEntry(a, hostname)) ?? [];

    public static ContainerLimits Limits(Resources? limits) => limits is null ? new ContainerLimits() : new ContainerLimits(limits.NanoCpus, limits.MemoryBytes, limits.Pids)
    {
        MemorySwapBytes = limits.MemorySwapBytes,
        MemoryReservationBytes = limits.MemoryReservationBytes,
        CpusetCpus = limits.CpusetCpus,
        CpusetMems = limits.CpusetMems,
        CpuShares = limits.CpuShares,
        BlkioWeight = limits.BlkioWeight,
    };

    /// <exception cref="ContainerException">Something else.</exception>
    public static IPAddress NameServer(string text) =>
        IPAddress.TryParse(text, out var address) ? address : throw new ContainerException($"dns server \"{text}\": expected an IP address");

    private static Dictionary<string, string> Environment(ContainerSpec spec)
    {
        var environment = new Dictionary<string, string>(spec.Environment);
        if (spec.Tty)
            environment.TryAdd("TERM", "xterm");
        return environment;
    }

    private static IEnumerable<HostEntry> ExtraHosts(ContainerSpec spec, string network, Attachment? attachment)
    {
        var gateway = network == "host" ? IPAddress.Loopback : attachment?.DnsServer;
        foreach (var entry in spec.ExtraHosts)
        {
            var colon = entry.IndexOfAny([':', '=']);
            var text = colon < 0 ? "" : entry[(colon + 1)..].Trim('[', ']');
            var address = text == HostGateway ? gateway : IPAddress.TryParse(text, out var parsed) ? parsed : null;
            if (colon > 0 && address is not null)
                yield return new HostEntry(address, entry[..colon]);
            // Before its network is made nobody knows the gateway; the file is written again when it starts.
            else if (colon < 1 || text != HostGateway || network == "none" || attachment is not null)
                throw new ContainerException($"extra host \"{entry}\": expected NAME:ADDRESS, or NAME:{HostGateway} with a network");
        }
    }

    private static DnsOptions Dns(ContainerSpec spec, Attachment? attachment)
    {
        IPAddress[] servers = spec.Dns.Count > 0 ? [.. spec.Dns.Select(NameServer)] : attachment?.DnsServer is { } own ? [own] : [];
        return new DnsOptions(servers, spec.DnsSearch) { Options = spec.DnsOptions };
    }
}
