using System.Net;
using Orchestrator.Engine.Containers;
using Orchestrator.Engine.Images;
using Orchestrator.Engine.Networks;
using Orchestrator.Model;

namespace Orchestrator.Agent.Replicas;

/// <summary>What a replica's spec means for its container on this node.</summary>
public static class ContainerSetup
{
    public static ContainerOptions Of(Assignment replica, StoredImage image, Attachment attachment)
    {
        var spec = replica.Spec.Container;
        var hostname = spec.Hostname.Length > 0 ? spec.Hostname : replica.ReplicaId[..Math.Min(12, replica.ReplicaId.Length)];
        return new ContainerOptions
        {
            Id = replica.ReplicaId,
            Image = image,
            Entrypoint = spec.EntrypointSet || spec.Entrypoint.Count > 0 ? spec.Entrypoint : null,
            Command = spec.CommandSet || spec.Command.Count > 0 ? spec.Command : null,
            Environment = new Dictionary<string, string>(spec.Environment),
            User = spec.User,
            WorkingDirectory = spec.WorkingDir,
            Hostname = hostname,
            Mounts = [.. spec.Mounts.Select(m => Mount(replica.Stack, m))],
            Limits = replica.Spec.Limits is { } limits ? new ContainerLimits(limits.NanoCpus, limits.MemoryBytes, limits.Pids) : new ContainerLimits(),
            AddCapabilities = spec.CapAdd,
            DropCapabilities = spec.CapDrop,
            ReadOnly = spec.ReadOnly,
            Init = spec.Init,
            StopSignal = spec.StopSignal,
            NetworkNamespace = attachment.NetnsPath,
            Hosts = [.. attachment.Addresses.Values.Select(a => new HostEntry(a, hostname))],
            Dns = new DnsOptions(attachment.DnsServer is { } server ? [server] : [], []),
            Labels = new Dictionary<string, string>(spec.Labels),
        };
    }

    public static TimeSpan Grace(ContainerSpec spec) => TimeSpan.FromMilliseconds(spec.StopGracePeriodMs > 0 ? spec.StopGracePeriodMs : 10_000);

    /// <summary>Ids of the networks, in the order of the spec.</summary>
    public static IReadOnlyList<string> Networks(Assignment replica) => [.. replica.Spec.Networks.Select(n => $"{replica.Stack}_{n.Network}")];

    /// <summary>Ports published on this node alone: they lead to the container's first address.</summary>
    public static IEnumerable<Endpoints.HostPort> HostPorts(Assignment replica, IPAddress? address) =>
        address is null ? [] :
        from port in replica.Spec.Ports
        where port.Mode == PortMode.Host && port.Published > 0
        select new Endpoints.HostPort(
            port.Protocol, port.Published, port.HostIp.Length > 0 ? IPAddress.Parse(port.HostIp) : null, address, port.Target);

    private static ContainerMount Mount(string stack, MountSpec mount) => mount.Type switch
    {
        MountType.Bind => new BindMount(mount.Source, mount.Target, mount.ReadOnly, mount.CreateHostPath),
        MountType.Tmpfs => new TemporaryMount(mount.Target, mount.TmpfsSizeBytes, mount.TmpfsMode, mount.ReadOnly),
        _ => new VolumeMount(VolumeName(stack, mount), mount.Target, mount.ReadOnly, mount.Subpath),
    };

    private static string? VolumeName(string stack, MountSpec mount) => mount switch
    {
        { Source.Length: 0 } => null,
        { External: true } => mount.Source,
        _ => $"{stack}_{mount.Source}",
    };
}
