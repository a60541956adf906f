using System.Net;
using Orchestrator.Engine.Containers;
using Orchestrator.Engine.Images;
using Orchestrator.Engine.Networks;
using Orchestrator.Model;

namespace Orchestrator.Agent.Replicas;

/// <summary>What a replica's spec means for its container on this node.</summary>
public static class ContainerSetup
{
    /// <param name="attachment">Null: on the machine's own network.</param>
    /// <exception cref="ContainerException">A value that cannot be read.</exception>
    public static ContainerOptions Of(Assignment replica, StoredImage image, Attachment? attachment)
    {
        var spec = replica.Spec.Container;
        var options = SpecMeaning.Of(spec, replica.ReplicaId, image, replica.Spec.NetworkMode, attachment);
        return options with
        {
            Mounts = [.. spec.Mounts.Select(m => Mount(replica.Stack, m))],
            Limits = Limits(replica.Spec),
            // Unlike a container of the machine's user: off only when the file says so.
            NoNewPrivileges = !spec.SecurityOptions.Any(o => o is "no-new-privileges:false" or "no-new-privileges=false"),
            // The network's own server knows the services; what it does not know it asks of the spec's.
            Dns = attachment?.DnsServer is { } server ? options.Dns with { Servers = [server] } : options.Dns,
        };
    }

    /// <summary>Who is asked for names that the cluster does not know; empty: the machine's own servers.</summary>
    public static IReadOnlyList<IPAddress> NameServers(Assignment replica) =>
        [.. replica.Spec.Container.Dns.Select(d => IPAddress.TryParse(d, out var address) ? address : null).OfType<IPAddress>()];

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

    // Reserved memory is not taken from it while others are short of theirs.
    private static ContainerLimits Limits(ServiceSpec spec)
    {
        var limits = SpecMeaning.Limits(spec.Limits);
        return limits.MemoryReservationBytes > 0 || spec.Reservations is null ? limits : limits with { MemoryReservationBytes = spec.Reservations.MemoryBytes };
    }

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
