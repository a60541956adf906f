namespace Orchestrator.Model.Endpoints;

/// <summary>The services' stable addresses and the replicas behind them.</summary>
public static class EndpointView
{
    /// <summary>Of every service that is on a network and is not being removed, in order of id.</summary>
    public static IReadOnlyList<ServiceEndpoint> Compute(ClusterState state) =>
        state.Services.Values.Select(s => Compute(state, s)).OfType<ServiceEndpoint>().ToList();

    /// <summary>Null when the service has no endpoint.</summary>
    public static ServiceEndpoint? Compute(ClusterState state, Service service)
    {
        if (service.Removing || service.VirtualIps.Count == 0)
            return null;
        var serving = state.ReplicasOf(service.Id).All.Where(r => IsBackend(state, r)).ToList();
        var endpoint = new ServiceEndpoint { ServiceId = service.Id, Stack = service.Stack, Name = service.Name };
        endpoint.Networks.AddRange(service.VirtualIps.OrderBy(v => v.Key, StringComparer.Ordinal).Select(v => OnNetwork(state, service, v.Key, v.Value, serving)));
        endpoint.Ports.AddRange(service.Spec.Ports.Where(p => p.Mode == PortMode.Ingress && p.Published != 0));
        return endpoint;
    }

    private static EndpointNetwork OnNetwork(ClusterState state, Service service, string networkId, string virtualIp, List<Replica> serving)
    {
        var name = state.Networks[networkId].Name;
        var network = new EndpointNetwork { NetworkId = networkId, VirtualIp = virtualIp };
        network.Aliases.AddRange(service.Spec.Networks.Where(a => a.Network == name).SelectMany(a => a.Aliases));
        network.Backends.AddRange(serving.Where(r => r.Observed.Addresses.ContainsKey(networkId)).Select(r => new Backend
        {
            ReplicaId = r.Id,
            Address = r.Observed.Addresses[networkId],
            NodeId = r.NodeId,
            Slot = r.Slot,
        }));
        return network;
    }

    private static bool IsBackend(ClusterState state, Replica replica) =>
        replica.Desired == DesiredState.DesiredRunning && replica.IsServing()
        && state.Nodes.GetValueOrDefault(replica.NodeId) is { Status: not NodeStatus.NodeDown };
}
