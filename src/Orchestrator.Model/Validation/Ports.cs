using System.Globalization;

namespace Orchestrator.Model.Validation;

/// <summary>Published ports: an ingress port belongs to one service in the cluster. A port of the replica's node alone (host mode) may be shared
/// between services: the scheduler keeps them on different nodes.</summary>
internal static class Ports
{
    /// <summary>"8080/tcp".</summary>
    public static string Name(PortSpec port) =>
        string.Create(CultureInfo.InvariantCulture, $"{port.Published}/{(port.Protocol == Protocol.Udp ? "udp" : "tcp")}");

    /// <summary>Both cannot be published on one node.</summary>
    public static bool Overlap(PortSpec a, PortSpec b) =>
        a.Published != 0 && a.Published == b.Published && a.Protocol == b.Protocol
        && (a.HostIp.Length == 0 || b.HostIp.Length == 0 || a.HostIp == b.HostIp);

    /// <summary>Both cannot be published in one cluster.</summary>
    public static bool Clash(PortSpec a, PortSpec b, bool sameService) =>
        Overlap(a, b) && (sameService || a.Mode == PortMode.Ingress || b.Mode == PortMode.Ingress);
}
