using Orchestrator.Linux;

namespace Orchestrator.Engine.Networks;

/// <summary>Kernel settings of the machine's interfaces that carry cluster networks.</summary>
internal static class HostInterface
{
    public static void Configure(string name)
    {
        // Connections from 127.0.0.1 to a published port leave through these interfaces; the rules drop such packets from containers.
        Sysctl.Put($"net/ipv4/conf/{name}/route_localnet", "1");
        Sysctl.Put($"net/ipv4/conf/{name}/send_redirects", "0");
        Sysctl.Put($"net/ipv6/conf/{name}/disable_ipv6", "1");
    }
}
