using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using Google.Protobuf;
using Orchestrator.Agent.Endpoints;
using Orchestrator.Agent.Replicas;
using Orchestrator.Engine.Networks;
using Orchestrator.Model;

namespace Orchestrator.Agent.Session;

/// <summary>Networks, virtual IPs and names as the leader last gave them; kept in a file, so that they stay true without a server.</summary>
internal sealed class DataPlane(string path, IPAddress underlay, NodeNetworks networks, EndpointTable table, DnsServer dns) : IDisposable
{
    private readonly SemaphoreSlim _one = new(1, 1);
    private readonly ConcurrentDictionary<string, IReadOnlyList<HostPort>> _hostPorts = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, ServiceEndpoint> _machineNames = new(StringComparer.Ordinal);
    private readonly AssignedNetworks _assigned = new();

    public NodeNetworks Networks { get; } = networks;

    /// <summary>This node's block in every network; 0 until a leader gave one.</summary>
    public int Block { get; set; }

    /// <summary>Makes the machine again as it was when the last agent wrote it down.</summary>
    public async Task RecoverAsync(IEnumerable<(Assignment Replica, Attachment Attachment)> replicas)
    {
        foreach (var (replica, attachment) in replicas)
        {
            NoteServers(replica, attachment);
            NotePorts(replica, attachment);
        }
        if (File.Exists(path))
        {
            using var file = File.OpenRead(path);
            Block = Registered.Parser.ParseDelimitedFrom(file).Block;
            _assigned.Merge(Assignments.Parser.ParseDelimitedFrom(file));
        }
        await Networks.EnsureAsync(Plan());
        await PublishAsync();
    }

    /// <summary>Brings the machine to what the assignments say of networks and endpoints. Replicas come after: first nobody calls them, then they stop.</summary>
    /// <returns>Whether they say anything of those.</returns>
    public async Task<bool> ApplyAsync(IReadOnlyList<Assignments> all, CancellationToken cancellationToken)
    {
        var plan = all.Any(a => a.Whole || a.NetworksSet || a.PeersSet);
        if (!plan && !all.Any(a => a.PutEndpoints.Count > 0 || a.RemoveEndpoints.Count > 0))
            return false;
        foreach (var assignments in all)
            _assigned.Merge(assignments);
        if (plan)
            await Networks.EnsureAsync(Plan(), cancellationToken);
        await PublishAsync();
        Save();
        return true;
    }

    /// <summary>The ports of a container of this machine, and the names by which others of its network find it.</summary>
    public Task PublishLocalAsync(string id, IReadOnlyList<HostPort> ports, IPAddress address, IReadOnlyList<string> names)
    {
        _hostPorts[id] = ports;
        var network = new EndpointNetwork { NetworkId = MachineNetwork.Id, VirtualIp = address.ToString() };
        network.Aliases.AddRange(names.Skip(1));
        _machineNames[id] = new ServiceEndpoint { ServiceId = id, Name = names[0], Stack = MachineNetwork.Id, Networks = { network } };
        return PublishAsync();
    }

    public async Task UnpublishLocalAsync(string id)
    {
        _hostPorts.TryRemove(id, out _);
        if (_machineNames.TryRemove(id, out _))
            await PublishAsync();
    }

    /// <summary>Whether a replica, a service or another container of this machine has the port.</summary>
    public bool IsPublished(Protocol protocol, string hostIp, int port, string except)
    {
        if (_assigned.Endpoints.Any(e => e.Ports.Any(p => p.Mode == PortMode.Ingress && p.Published == port && p.Protocol == protocol)))
            return true;
        var address = hostIp is "" or "0.0.0.0" ? null : IPAddress.Parse(hostIp);
        return _hostPorts.Where(p => p.Key != except).SelectMany(p => p.Value).Any(p =>
            p.Protocol == protocol && p.Published == port && (address is null || p.HostAddress is null || address.Equals(p.HostAddress)));
    }

    public async Task PublishOnNodeAsync(Assignment replica, Attachment attachment)
    {
        NoteServers(replica, attachment);
        if (NotePorts(replica, attachment))
            await PublishAsync();
    }

    public async Task UnpublishOnNodeAsync(string replicaId)
    {
        foreach (var address in Networks.Find(replicaId)?.Addresses.Values ?? [])
            dns.ForgetServers(address);
        if (_hostPorts.TryRemove(replicaId, out _))
            await PublishAsync();
    }

    public void Dispose() => _one.Dispose();

    private bool NotePorts(Assignment replica, Attachment attachment)
    {
        var address = ContainerSetup.Networks(replica) is [var first, ..] ? attachment.Addresses.GetValueOrDefault(first) : null;
        var ports = ContainerSetup.HostPorts(replica, address).ToList();
        if (ports.Count > 0)
            _hostPorts[replica.ReplicaId] = ports;
        return ports.Count > 0;
    }

    private void NoteServers(Assignment replica, Attachment attachment)
    {
        if (ContainerSetup.NameServers(replica) is { Count: > 0 } servers)
            foreach (var address in attachment.Addresses.Values)
                dns.SetServers(address, servers);
    }

    private async Task PublishAsync()
    {
        await _one.WaitAsync();
        try
        {
            var endpoints = _assigned.Endpoints;
            await table.ApplyAsync(endpoints, [.. _hostPorts.Values.SelectMany(p => p)]);
            await dns.UpdateAsync([.. endpoints, .. _machineNames.Values]);
        }
        finally
        {
            _one.Release();
        }
    }

    private NetworkPlan Plan()
    {
        ClusterNetwork[] shared = [.. _assigned.Networks.Select(n => new ClusterNetwork(n.Id, n.Vni, IPNetwork.Parse(n.Subnet), n.Internal))];
        var own = MachineNetwork.Choose(Networks.Networks.Select(n => n.Network), shared);
        return new NetworkPlan(Block, underlay, own is null ? shared : [.. shared, own], ParsePeers());
    }

    private NetworkPeer[] ParsePeers() =>
    [
        // What one node says of itself must not keep all others from their networks.
        .. from peer in _assigned.Peers
        let address = IPAddress.TryParse(peer.Address, out var parsed) ? parsed : null
        where address is { AddressFamily: AddressFamily.InterNetwork }
        select new NetworkPeer(address, peer.Block),
    ];

    private void Save()
    {
        using (var file = File.Create(path + ".new"))
        {
            new Registered { Block = Block }.WriteDelimitedTo(file);
            _assigned.ToWhole().WriteDelimitedTo(file);
        }
        File.Move(path + ".new", path, overwrite: true);
    }
}
