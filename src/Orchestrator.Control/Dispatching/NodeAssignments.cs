using Orchestrator.Model;
using Orchestrator.Model.Indexes;

namespace Orchestrator.Control.Dispatching;

/// <summary>What one session has told its agent, and so what a newer view changes for it. Not for concurrent use.</summary>
public sealed class NodeAssignments(string nodeId)
{
    private readonly Dictionary<string, DesiredState> _replicas = [];
    private readonly Dictionary<string, ServiceEndpoint> _endpoints = [];
    private ulong _revision;
    private NodeReplicas? _seen;
    private IReadOnlyList<Network>? _networks;
    private IReadOnlyList<Peer>? _peers;

    public Assignments Whole(ClusterView view)
    {
        _replicas.Clear();
        _endpoints.Clear();
        (_seen, _networks, _peers) = (null, null, null);
        var whole = Collect(view);
        whole.Whole = true;
        return whole;
    }

    /// <summary>Null: nothing that concerns this node, or nothing new. A view that was shown while the agent registered may be older than
    /// the first: it must not take anything back.</summary>
    public Assignments? Difference(ClusterView view)
    {
        if (view.State.Revision <= _revision)
            return null;
        var difference = Collect(view);
        return difference.Put.Count + difference.Remove.Count + difference.PutEndpoints.Count + difference.RemoveEndpoints.Count > 0
            || difference.NetworksSet || difference.PeersSet ? difference : null;
    }

    /// <summary>The node's record was removed while its agent had this session.</summary>
    public bool IsRemoved(ClusterView view) => view.State.Revision >= _revision && !view.State.Nodes.ContainsKey(nodeId);

    private Assignments Collect(ClusterView view)
    {
        _revision = view.State.Revision;
        var difference = new Assignments { Revision = _revision };
        CollectReplicas(difference, view.State.ReplicasOn(nodeId));
        CollectNetworks(difference, view.Networks);
        CollectPeers(difference, view.Peers);
        CollectEndpoints(difference, view.Endpoints);
        return difference;
    }

    private void CollectReplicas(Assignments difference, NodeReplicas replicas)
    {
        if (ReferenceEquals(replicas, _seen))
            return;
        _seen = replicas;
        foreach (var replica in replicas.All.Values)
        {
            if (_replicas.TryGetValue(replica.Id, out var desired) && desired == DesiredOf(replica))
                continue;
            _replicas[replica.Id] = DesiredOf(replica);
            difference.Put.Add(AssignmentOf(replica));
        }
        // An ended replica stays assigned until its record is reaped: until then the agent keeps its logs.
        difference.Remove.AddRange(_replicas.Keys.Where(id => !replicas.All.ContainsKey(id)).ToList());
        foreach (var id in difference.Remove)
            _replicas.Remove(id);
    }

    private void CollectNetworks(Assignments difference, IReadOnlyList<Network> networks)
    {
        if (ReferenceEquals(networks, _networks))
            return;
        _networks = networks;
        difference.NetworksSet = true;
        difference.Networks.AddRange(networks);
    }

    private void CollectPeers(Assignments difference, IReadOnlyList<Peer> peers)
    {
        if (ReferenceEquals(peers, _peers))
            return;
        _peers = peers;
        difference.PeersSet = true;
        difference.Peers.AddRange(peers.Where(peer => peer.NodeId != nodeId));
    }

    private void CollectEndpoints(Assignments difference, IReadOnlyDictionary<string, ServiceEndpoint> endpoints)
    {
        foreach (var (id, endpoint) in endpoints)
        {
            if (ReferenceEquals(_endpoints.GetValueOrDefault(id), endpoint))
                continue;
            _endpoints[id] = endpoint;
            difference.PutEndpoints.Add(endpoint);
        }
        difference.RemoveEndpoints.AddRange(_endpoints.Keys.Where(id => !endpoints.ContainsKey(id)).ToList());
        foreach (var id in difference.RemoveEndpoints)
            _endpoints.Remove(id);
    }

    // A machine that forgot what has ended must not run it again.
    private static DesiredState DesiredOf(Replica replica) => replica.IsLive() ? replica.Desired : DesiredState.DesiredShutdown;

    private static Assignment AssignmentOf(Replica replica) => new()
    {
        ReplicaId = replica.Id,
        Stack = replica.Stack,
        Service = replica.Service,
        ServiceId = replica.ServiceId,
        Slot = replica.Slot,
        Desired = DesiredOf(replica),
        Spec = replica.Spec,
    };
}
