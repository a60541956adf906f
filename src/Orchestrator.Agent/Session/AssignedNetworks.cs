using Orchestrator.Model;

namespace Orchestrator.Agent.Session;

/// <summary>Networks, peers and endpoints as the leader last gave them: whole first, then differences.</summary>
internal sealed class AssignedNetworks
{
    private readonly Lock _lock = new();
    private readonly Dictionary<string, ServiceEndpoint> _endpoints = new(StringComparer.Ordinal);

    public IReadOnlyList<Network> Networks { get; private set; } = [];

    public IReadOnlyList<Peer> Peers { get; private set; } = [];

    public IReadOnlyList<ServiceEndpoint> Endpoints
    {
        get
        {
            lock (_lock)
                return [.. _endpoints.Values];
        }
    }

    public void Merge(Assignments assignments)
    {
        if (assignments.Whole || assignments.NetworksSet)
            Networks = [.. assignments.Networks];
        if (assignments.Whole || assignments.PeersSet)
            Peers = [.. assignments.Peers];
        lock (_lock)
        {
            if (assignments.Whole)
                _endpoints.Clear();
            foreach (var id in assignments.RemoveEndpoints)
                _endpoints.Remove(id);
            foreach (var endpoint in assignments.PutEndpoints)
                _endpoints[endpoint.ServiceId] = endpoint;
        }
    }

    /// <summary>What an agent that knows nothing has to merge to know the same.</summary>
    public Assignments ToWhole() => new() { Whole = true, Networks = { Networks }, Peers = { Peers }, PutEndpoints = { Endpoints } };
}
