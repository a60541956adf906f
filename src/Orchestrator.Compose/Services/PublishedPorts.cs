using Orchestrator.Compose.Fields;
using Orchestrator.Model;

namespace Orchestrator.Compose.Services;

/// <summary>Who publishes what in this file, to find a port that is wanted twice.</summary>
internal sealed class PublishedPorts
{
    private readonly Dictionary<(int Published, Protocol Protocol), List<(PortSpec Port, string Service, Field Field)>> _taken = [];

    public void Add(PortSpec port, string service, Field field)
    {
        if (port.Published == 0)
            return;
        var key = (port.Published, port.Protocol);
        if (!_taken.TryGetValue(key, out var others))
            _taken[key] = others = [];
        var other = others.FirstOrDefault(o => Clash(o.Port, port, o.Service == service));
        if (other.Port is not null)
            field.Refuse($"port {port.Published}/{port.Protocol.ToString().ToLowerInvariant()} is already published by service \"{other.Service}\" at {other.Field.Node.At.Origin?.File}:{other.Field.Node.At.Line}; publish another");
        others.Add((port, service, field));
    }

    // Host ports of two services only meet when the scheduler puts them on one node, which it does not do.
    private static bool Clash(PortSpec a, PortSpec b, bool sameService) =>
        (a.HostIp == b.HostIp || a.HostIp.Length == 0 || b.HostIp.Length == 0)
        && (sameService || a.Mode == PortMode.Ingress || b.Mode == PortMode.Ingress);
}
