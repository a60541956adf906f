using Orchestrator.Linux;

namespace Orchestrator.Engine.Networks;

/// <summary>The cluster's networks as this machine has them, and the containers attached to them.</summary>
public sealed class NodeNetworks(NetworkOptions options, NetnsThread host)
{
    public NetworkOptions Options { get; } = options;

    /// <summary>The networks that the last <see cref="EnsureAsync"/> (of this process or an earlier one) made.</summary>
    public IReadOnlyList<LocalNetwork> Networks { get; private set; } = [];

    public IReadOnlyCollection<Attachment> Attachments { get; private set; } = [];

    /// <summary>Brings bridges, VXLAN devices, routes and rules to the plan, changing only what differs; what is no longer in it goes.</summary>
    public Task EnsureAsync(NetworkPlan plan, CancellationToken cancellationToken = default) => host.RunAsync(() => { });

    /// <summary>Makes the container's network namespace with an interface in each network, in the order given. Idempotent.</summary>
    /// <exception cref="InvalidOperationException">A network is not in the plan, or its addresses on this node are used up.</exception>
    public Task<Attachment> AttachAsync(string containerId, IReadOnlyList<string> networkIds, CancellationToken cancellationToken = default) =>
        host.RunAsync<Attachment>(() => throw new InvalidOperationException("not built"));

    /// <summary>Removes the namespace and its interfaces and releases the addresses. Nothing happens when there is none.</summary>
    public Task DetachAsync(string containerId, CancellationToken cancellationToken = default) => host.RunAsync(() => throw new InvalidOperationException("not built"));

    /// <summary>Takes every namespace, device and rule of ours off the machine.</summary>
    public Task RemoveAllAsync(CancellationToken cancellationToken = default) => host.RunAsync(() => throw new InvalidOperationException("not built"));
}
