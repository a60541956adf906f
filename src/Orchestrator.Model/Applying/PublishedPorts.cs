namespace Orchestrator.Model.Applying;

/// <summary>A published port belongs to one service in the cluster. Ports of the replica's node alone (host mode) may be shared between
/// services: the scheduler keeps them on different nodes.</summary>
internal static class PublishedPorts
{
    public static Refusal? Conflict(Draft draft, string stack, ServiceSpec spec)
    {
        var own = ServiceChanges.Id(stack, spec.Name);
        foreach (var other in draft.Services.Where(s => s.Id != own && !s.Removing))
            foreach (var port in spec.Ports)
                if (other.Spec.Ports.Any(p => Clash(port, p)))
                    return Refuse.Conflict($"service {spec.Name} of stack {stack}: port {port.Published}/{Name(port.Protocol)} is already published by "
                        + $"service {other.Name} of stack {other.Stack}; publish another port");
        return null;
    }

    /// <summary>Both cannot be published on one node.</summary>
    public static bool Overlap(PortSpec a, PortSpec b) =>
        a.Published != 0 && a.Published == b.Published && a.Protocol == b.Protocol
        && (a.HostIp.Length == 0 || b.HostIp.Length == 0 || a.HostIp == b.HostIp);

    public static string Name(Protocol protocol) => protocol == Protocol.Udp ? "udp" : "tcp";

    private static bool Clash(PortSpec a, PortSpec b) => Overlap(a, b) && (a.Mode == PortMode.Ingress || b.Mode == PortMode.Ingress);
}
