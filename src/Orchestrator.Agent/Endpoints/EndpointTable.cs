using Orchestrator.Engine.Networks;
using Orchestrator.Linux;
using Orchestrator.Linux.Netlink;
using Orchestrator.Model;

namespace Orchestrator.Agent.Endpoints;

/// <summary>Virtual IPs and published ports in the kernel: the nftables table `orchestrator`.</summary>
/// <param name="host">Runs what touches the kernel, in the network namespace that counts as this machine.</param>
public sealed class EndpointTable(NodeNetworks networks, NetnsThread host)
{
    // Only the host thread touches it. Null: what the kernel has is unknown.
    private Ruleset? _applied;

    /// <summary>Brings the kernel's table to these endpoints, all of them every time, in one transaction with only what changed.</summary>
    /// <exception cref="NftablesException">The kernel refused; the table is as it was.</exception>
    public Task ApplyAsync(
        IReadOnlyCollection<ServiceEndpoint> endpoints, IReadOnlyCollection<HostPort> hostPorts, CancellationToken cancellationToken = default)
    {
        var wanted = Balancing.Compute(endpoints, hostPorts, networks.Networks);
        return host.RunAsync(() =>
        {
            cancellationToken.ThrowIfCancellationRequested();
            Apply(wanted);
        });
    }

    /// <summary>Takes the table away. An agent that ends without this leaves the data plane working.</summary>
    public Task RemoveAllAsync() => host.RunAsync(() =>
    {
        using var nftables = new Nftables();
        nftables.Run($"add table ip {Ruleset.Table}\ndelete table ip {Ruleset.Table}\n");
        _applied = null;
    });

    private void Apply(Ruleset wanted)
    {
        using var nftables = new Nftables();
        var known = _applied is not null && nftables.Run("list tables ip").Contains($"table ip {Ruleset.Table}\n", StringComparison.Ordinal)
            ? _applied
            : null;
        var changes = known is null ? wanted.ToWhole() : wanted.ToChangesFrom(known);
        if (changes.Length == 0)
            return;
        _applied = null;
        nftables.Run(changes);
        _applied = wanted;
        ForgetFlows(known, wanted);
    }

    /// <summary>
    /// UDP has no end of a connection: a client that keeps sending would reach a backend that is gone, or miss a port published since.
    /// TCP connections are left: a backend leaves the table before it is stopped, to finish what it has begun.
    /// </summary>
    private static void ForgetFlows(Ruleset? old, Ruleset wanted)
    {
        if (old is null)
            return;
        var gone = old.Backends.Except(wanted.Backends).ToArray();
        var published = wanted.UdpPorts.Except(old.UdpPorts).ToArray();
        if (gone.Length == 0 && published.Length == 0)
            return;
        using var conntrack = new ConntrackSocket();
        foreach (var backend in gone)
            conntrack.DeleteUdpAnsweredBy(backend);
        foreach (var port in published)
            conntrack.DeleteUdpSentTo(port);
    }
}
