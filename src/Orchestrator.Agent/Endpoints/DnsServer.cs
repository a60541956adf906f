using Microsoft.Extensions.Logging;
using Orchestrator.Engine.Networks;
using Orchestrator.Linux;
using Orchestrator.Model;

namespace Orchestrator.Agent.Endpoints;

/// <summary>Answers names of services on each network's gateway address, and passes the rest to the machine's own resolvers.</summary>
public sealed class DnsServer(NodeNetworks networks, NetnsThread host, ILogger<DnsServer> logger) : IAsyncDisposable
{
    public NodeNetworks Networks { get; } = networks;

    /// <summary>Takes the endpoints as the new truth, and listens on the gateways that <see cref="NodeNetworks.Networks"/> now has.</summary>
    public Task UpdateAsync(IReadOnlyCollection<ServiceEndpoint> endpoints, CancellationToken cancellationToken = default)
    {
        logger.LogTrace("{Count} endpoints", endpoints.Count);
        return host.RunAsync(() => { });
    }

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;
}
