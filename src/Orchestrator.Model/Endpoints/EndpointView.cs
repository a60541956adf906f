namespace Orchestrator.Model.Endpoints;

/// <summary>The services' stable addresses and the replicas behind them.</summary>
public static class EndpointView
{
    public static IReadOnlyList<ServiceEndpoint> Compute(ClusterState state) => [];
}
