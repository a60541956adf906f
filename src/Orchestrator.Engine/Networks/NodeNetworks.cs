using System.Net;
using Orchestrator.Linux;
using Orchestrator.Linux.Netlink;

namespace Orchestrator.Engine.Networks;

/// <summary>The cluster's networks as this machine has them, and the containers attached to them.</summary>
public sealed class NodeNetworks : IDisposable
{
    private const int LongestStartMs = 2000;

    private readonly NetnsThread _host;
    private readonly string _path;
    private readonly string _netnsDirectory;
    private volatile NetworkRecords _records;

    // These two are the host thread's.
    private RouteSocket? _route;
    private int? _mtu;

    /// <param name="host">Runs what touches the kernel, in the network namespace that counts as this machine.</param>
    public NodeNetworks(NetworkOptions options, NetnsThread host)
    {
        _host = host;
        _path = Path.Combine(options.DataDirectory, "networks.json");
        _netnsDirectory = Path.Combine(options.RunDirectory, "netns");
        _records = NetworkRecords.Load(_path, File.ReadAllText("/proc/sys/kernel/random/boot_id").Trim());
    }

    /// <summary>The networks of the last <see cref="EnsureAsync"/>, by this process or an earlier one.</summary>
    public IReadOnlyList<LocalNetwork> Networks => _records.Plan is { } plan
        ? [.. plan.Networks.Select(n => new LocalNetwork(n, Addressing.Gateway(n.Subnet, plan.BlockIn(n)), Addressing.Device(n.Vni)))]
        : [];

    public IReadOnlyCollection<Attachment> Attachments => [.. _records.Containers.Select(c => ToAttachment(c.Key, c.Value))];

    public Attachment? Find(string containerId) =>
        _records.Containers.TryGetValue(containerId, out var record) ? ToAttachment(containerId, record) : null;

    /// <summary>The networks of the container that has this address; null when none here has it.</summary>
    public IReadOnlyList<string>? NetworksOf(IPAddress address) =>
        _records.Containers.Values.FirstOrDefault(c => c.Interfaces.Any(i => i.Address.Equals(address)))?.Interfaces.Select(i => i.NetworkId).ToArray();

    /// <summary>Brings devices, routes and rules to the plan, changing only what differs; what is no longer in it goes.</summary>
    /// <exception cref="ArgumentException">The plan contradicts itself.</exception>
    public Task EnsureAsync(NetworkPlan plan, CancellationToken cancellationToken = default)
    {
        if (Addressing.Refusal(plan) is { } refusal)
            throw new ArgumentException(refusal, nameof(plan));
        return OnHost(route =>
        {
            Save(_records with { Plan = plan });
            _mtu = new OverlayDevices(route).Ensure(plan);
            using var nftables = new Nftables();
            ForwardingRules.Ensure(nftables, plan);
            DockerFirewall.Ensure(nftables);
            Interfaces(route).RemoveOthers(_records.Containers);
            return true;
        }, cancellationToken);
    }

    /// <summary>
    /// Makes the container's network namespace with an interface in each network, in the order given. Repeating it finishes what a crash
    /// left half made and gives the same addresses.
    /// </summary>
    /// <exception cref="ArgumentException">The id is not a file name.</exception>
    /// <exception cref="InvalidOperationException">A network is not in the plan, or its addresses on this node are used up.</exception>
    public async Task<Attachment> AttachAsync(string containerId, IReadOnlyList<string> networkIds, CancellationToken cancellationToken = default)
    {
        if (containerId is "" or "." or ".." || containerId.Contains('/', StringComparison.Ordinal))
            throw new ArgumentException($"container id '{containerId}' cannot name a file", nameof(containerId));
        var made = await OnHost(route =>
        {
            var plan = _records.Plan ?? throw new InvalidOperationException("the node has no networks yet");
            if (!_records.Containers.TryGetValue(containerId, out var record))
                record = Reserve(plan, containerId, networkIds);
            Interfaces(route).Ensure(containerId, record, _mtu ??= OverlayDevices.Mtu(plan, route));
            return record;
        }, cancellationToken);
        return ToAttachment(containerId, made);
    }

    /// <summary>Waits until packets pass, which the kernel sees to in its own time after the devices are up. Nothing to wait for is no error.</summary>
    public async Task AwaitRunningAsync(string containerId, CancellationToken cancellationToken = default)
    {
        if (!_records.Containers.TryGetValue(containerId, out var record))
            return;
        for (var waited = 0; waited < LongestStartMs && !await IsRunningAsync(containerId, record, cancellationToken); waited++)
            await Task.Delay(1, cancellationToken);
    }

    /// <summary>Removes the namespace and its interfaces and releases the addresses. Nothing happens when there is none.</summary>
    public Task DetachAsync(string containerId, CancellationToken cancellationToken = default) => OnHost(route =>
    {
        if (_records.Containers.TryGetValue(containerId, out var record))
            Detach(route, containerId, record);
        return true;
    }, cancellationToken);

    /// <summary>Takes every namespace, device and rule of ours off the machine.</summary>
    public Task RemoveAllAsync(CancellationToken cancellationToken = default) => OnHost(route =>
    {
        foreach (var (id, record) in _records.Containers)
            Detach(route, id, record);
        Interfaces(route).RemoveOthers(_records.Containers);
        new OverlayDevices(route).RemoveAll();
        using var nftables = new Nftables();
        ForwardingRules.RemoveAll(nftables);
        DockerFirewall.RemoveAll(nftables);
        Save(_records with { Plan = null });
        return true;
    }, cancellationToken);

    /// <summary>The devices stay.</summary>
    public void Dispose() => _route?.Dispose();

    private Task<T> OnHost<T>(Func<RouteSocket, T> action, CancellationToken cancellationToken) => _host.RunAsync(() =>
    {
        cancellationToken.ThrowIfCancellationRequested();
        try
        {
            return action(_route ??= new RouteSocket());
        }
        catch
        {
            // Answers may still be on their way that nobody waits for any more.
            _route?.Dispose();
            _route = null;
            throw;
        }
    });

    private Task<bool> IsRunningAsync(string containerId, ContainerRecord record, CancellationToken cancellationToken) =>
        OnHost(route => Interfaces(route).AreRunning(containerId, record), cancellationToken);

    private ContainerInterfaces Interfaces(RouteSocket route) => new(route, _netnsDirectory);

    private ContainerRecord Reserve(NetworkPlan plan, string containerId, IReadOnlyList<string> networkIds)
    {
        var record = new ContainerRecord([.. networkIds.Distinct().Select(id => Reserve(plan, id))]);
        var lastHosts = new Dictionary<string, int>(_records.LastHosts);
        foreach (var made in record.Interfaces)
            lastHosts[made.NetworkId] = made.Address.GetAddressBytes()[3];
        Save(_records with { Containers = new Dictionary<string, ContainerRecord>(_records.Containers) { [containerId] = record }, LastHosts = lastHosts });
        return record;
    }

    private InterfaceRecord Reserve(NetworkPlan plan, string networkId)
    {
        var network = plan.Networks.FirstOrDefault(n => n.Id == networkId) ?? throw new InvalidOperationException(
            $"network {networkId} is not on this node; there are: {string.Join(", ", plan.Networks.Select(n => n.Id))}");
        var block = plan.BlockIn(network);
        var taken = _records.Containers.Values.SelectMany(c => c.Interfaces).Select(i => i.Address).ToHashSet();
        var address = AddressPool.Choose(network.Subnet, block, taken, _records.LastHosts.GetValueOrDefault(networkId)) ??
            throw new InvalidOperationException($"network {networkId}: all addresses of {Addressing.Block(network.Subnet, block)} are in use");
        return new InterfaceRecord(network.Id, network.Vni, network.Subnet, network.Internal, address, Addressing.Gateway(network.Subnet, block));
    }

    private void Detach(RouteSocket route, string containerId, ContainerRecord record)
    {
        Interfaces(route).Remove(containerId, record);
        var rest = new Dictionary<string, ContainerRecord>(_records.Containers);
        rest.Remove(containerId);
        Save(_records with { Containers = rest });
    }

    private void Save(NetworkRecords records)
    {
        records.Save(_path);
        _records = records;
    }

    private Attachment ToAttachment(string containerId, ContainerRecord record) => new(
        containerId, Path.Combine(_netnsDirectory, containerId), record.Interfaces.ToDictionary(i => i.NetworkId, i => i.Address),
        record.Interfaces.Count > 0 ? record.Interfaces[0].Gateway : null);
}
