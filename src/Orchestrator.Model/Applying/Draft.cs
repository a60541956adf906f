using System.Collections.Immutable;
using Orchestrator.Model.Indexes;
using Orchestrator.Model.Reconciling;

namespace Orchestrator.Model.Applying;

/// <summary>A state in the making: thrown away when an operation is refused. Every object that is put gets the revision's stamp, and
/// the indexes follow.</summary>
internal sealed class Draft(ClusterState from, ulong revision, ulong term, long nowMs)
{
    private readonly ImmutableSortedDictionary<string, Stack>.Builder _stacks = from.Stacks.ToBuilder();
    private readonly ImmutableSortedDictionary<string, Service>.Builder _services = from.Services.ToBuilder();
    private readonly ImmutableSortedDictionary<string, Network>.Builder _networks = from.Networks.ToBuilder();
    private readonly ImmutableSortedDictionary<string, Node>.Builder _nodes = from.Nodes.ToBuilder();
    private readonly ImmutableSortedDictionary<string, Replica>.Builder _replicas = from.Replicas.ToBuilder();
    private readonly Overlay<ServiceReplicas> _byService = new(from.ByService);
    private readonly Overlay<NodeReplicas> _byNode = new(from.ByNode);
    private readonly SortedSet<string> _stacksToSweep = new(StringComparer.Ordinal);
    private readonly HashSet<(string Service, int Slot)> _slotsToSettle = [];
    private readonly HashSet<string> _servicesToSettle = new(StringComparer.Ordinal);
    private readonly HashSet<string> _nodesToRank = new(StringComparer.Ordinal);
    private readonly ImmutableSortedSet<string>.Builder _unsettled = from.Unsettled.ToBuilder();
    private readonly ImmutableSortedSet<NodeRank>.Builder _ranking = from.Ranking.ToBuilder();

    public ulong Revision => revision;

    public long NowMs => nowMs;

    public Cluster? Cluster { get; private set; } = from.Cluster;

    public IEnumerable<Service> Services => _services.Values;

    public IEnumerable<Network> Networks => _networks.Values;

    public IEnumerable<Node> Nodes => _nodes.Values;

    public Stack? Stack(string name) => _stacks.GetValueOrDefault(name);

    public Service? Service(string id) => _services.GetValueOrDefault(id);

    public Network? Network(string id) => _networks.GetValueOrDefault(id);

    public Node? Node(string id) => _nodes.GetValueOrDefault(id);

    public Replica? Replica(string id) => _replicas.GetValueOrDefault(id);

    public ServiceReplicas ReplicasOf(string serviceId) => _byService.Get(serviceId) ?? ServiceReplicas.None;

    public NodeReplicas ReplicasOn(string nodeId) => _byNode.Get(nodeId) ?? NodeReplicas.None;

    public void Put(Cluster cluster)
    {
        cluster.Revision = revision;
        Cluster = cluster;
        foreach (var service in _services.Keys)
            SettleLater(service);
    }

    public void Put(Stack stack)
    {
        stack.Revision = revision;
        _stacks[stack.Name] = stack;
        _stacksToSweep.Add(stack.Name);
    }

    public void RemoveStack(string name)
    {
        _stacks.Remove(name);
        _stacksToSweep.Add(name);
    }

    public void Put(Service service)
    {
        service.Revision = revision;
        _stacksToSweep.Add(service.Stack);
        Load(service);
    }

    /// <summary>As all that is loaded: as it is, with the revision that it has.</summary>
    public void Load(Service service)
    {
        _services[service.Id] = service;
        SettleLater(service.Id);
    }

    public void Remove(Service service)
    {
        _services.Remove(service.Id);
        _stacksToSweep.Add(service.Stack);
        _servicesToSettle.Add(service.Id);
    }

    public void Put(Network network)
    {
        network.Revision = revision;
        _networks[network.Id] = network;
    }

    public void Put(Node node)
    {
        node.Revision = revision;
        Load(node);
        SettleLater(ReplicasOn(node.Id));
        SettleGlobal();
    }

    public void Load(Node node)
    {
        _nodes[node.Id] = node;
        _nodesToRank.Add(node.Id);
    }

    public void RemoveNode(string id)
    {
        _nodes.Remove(id);
        _nodesToRank.Add(id);
        SettleLater(ReplicasOn(id));
        SettleGlobal();
    }

    public void Put(Replica replica)
    {
        replica.Revision = revision;
        Load(replica);
    }

    public void Load(Replica replica)
    {
        _replicas[replica.Id] = replica;
        _byService.Set(replica.ServiceId, ReplicasOf(replica.ServiceId).Put(replica));
        if (replica.IsPlaced())
            Put(replica.NodeId, ReplicasOn(replica.NodeId).Put(replica));
        _slotsToSettle.Add((replica.ServiceId, replica.Slot));
    }

    public void Remove(Replica replica)
    {
        _replicas.Remove(replica.Id);
        var rest = ReplicasOf(replica.ServiceId).Remove(replica);
        _byService.Set(replica.ServiceId, rest.Slots.IsEmpty ? null : rest);
        if (replica.IsPlaced())
            Put(replica.NodeId, ReplicasOn(replica.NodeId).Remove(replica));
        _stacksToSweep.Add(replica.Stack);
        _slotsToSettle.Add((replica.ServiceId, replica.Slot));
    }

    /// <summary>What follows from the operations, once all are applied.</summary>
    public void Finish()
    {
        SweepNetworks();
        foreach (var (serviceId, slot) in _slotsToSettle)
            Settle(serviceId, slot);
        foreach (var id in _servicesToSettle)
            if (Service(id) is not { } service || ReplicasOf(id).IsSettled(service, new AskedSlots(service, _nodes.Values, Cluster)))
                _unsettled.Remove(id);
            else
                _unsettled.Add(id);
        foreach (var id in _nodesToRank)
            Rank(id);
    }

    private void Settle(string serviceId, int slot)
    {
        _servicesToSettle.Add(serviceId);
        var replicas = ReplicasOf(serviceId);
        if (replicas.Slots.TryGetValue(slot, out var inSlot))
            _byService.Set(serviceId, replicas.Settle(slot, Settlement.IsSettled(inSlot, slot, Service(serviceId), Node, Cluster)));
    }

    private void Rank(string nodeId)
    {
        var before = NodeRank.Of(from.Nodes.GetValueOrDefault(nodeId), from.ReplicasOn(nodeId));
        var after = NodeRank.Of(Node(nodeId), ReplicasOn(nodeId));
        if (before == after)
            return;
        if (before is { } old)
            _ranking.Remove(old);
        if (after is { } rank)
            _ranking.Add(rank);
    }

    /// <summary>A network that its stack no longer lists stays until no service and no replica is on it.</summary>
    private void SweepNetworks()
    {
        foreach (var stack in _stacksToSweep)
            foreach (var network in _networks.Values.Where(n => n.Stack == stack && !IsListed(n)).ToList())
                if (!_services.Values.Any(s => s.Stack == stack && IsOn(s, network)))
                    _networks.Remove(network.Id);
    }

    public ClusterState ToState(Answers answered) => new()
    {
        Revision = revision,
        Term = term,
        Cluster = Cluster,
        Stacks = _stacks.ToImmutable(),
        Services = _services.ToImmutable(),
        Networks = _networks.ToImmutable(),
        Nodes = _nodes.ToImmutable(),
        Replicas = _replicas.ToImmutable(),
        ByService = _byService.ToImmutable(),
        ByNode = _byNode.ToImmutable(),
        Ranking = _ranking.ToImmutable(),
        Unsettled = _unsettled.ToImmutable(),
        Answered = answered,
    };

    private void Put(string nodeId, NodeReplicas held)
    {
        if (ReplicasOn(nodeId).Live != held.Live)
            _nodesToRank.Add(nodeId);
        _byNode.Set(nodeId, held.All.IsEmpty ? null : held);
    }

    // A node is a slot of theirs.
    private void SettleGlobal()
    {
        foreach (var service in _services.Values.Where(s => s.Spec.Mode == ServiceMode.Global))
            _servicesToSettle.Add(service.Id);
    }

    private void SettleLater(string serviceId)
    {
        _servicesToSettle.Add(serviceId);
        foreach (var slot in ReplicasOf(serviceId).Slots.Keys)
            _slotsToSettle.Add((serviceId, slot));
    }

    private void SettleLater(NodeReplicas replicas)
    {
        foreach (var replica in replicas.All.Values)
            _slotsToSettle.Add((replica.ServiceId, replica.Slot));
    }

    private bool IsListed(Network network) => Stack(network.Stack)?.Spec.Networks.Any(n => n.Name == network.Name) ?? false;

    private bool IsOn(Service service, Network network) =>
        service.VirtualIps.ContainsKey(network.Id)
        || ReplicasOf(service.Id).All.Any(r => r.IsLive() && r.Spec.Networks.Any(a => a.Network == network.Name));
}
