using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using Microsoft.Extensions.Logging;
using Orchestrator.Engine.Networks;
using Orchestrator.Linux;
using Orchestrator.Model;

namespace Orchestrator.Agent.Endpoints;

/// <summary>Answers names of services on each network's gateway address, and passes the rest to the machine's own resolvers.</summary>
public sealed class DnsServer : IAsyncDisposable
{
    private readonly NodeNetworks _networks;
    private readonly NetnsThread _host;
    private readonly ILogger<DnsServer> _logger;
    private readonly Upstreams _upstreams;
    private readonly Dictionary<IPAddress, DnsListener> _listeners = [];
    private readonly ConcurrentDictionary<IPAddress, IReadOnlyList<IPAddress>> _servers = [];
    private readonly SemaphoreSlim _updating = new(1);
    private volatile DnsZone _zone = new([]);

    public DnsServer(NodeNetworks networks, NetnsThread host, ILogger<DnsServer> logger, string resolvConf = "/etc/resolv.conf")
    {
        _networks = networks;
        _host = host;
        _logger = logger;
        _upstreams = new Upstreams(resolvConf, host, address => networks.Networks.Any(n => n.Gateway.Equals(address)));
    }

    /// <summary>
    /// Takes the endpoints, all of them, as the new truth, and listens on the gateways that <see cref="NodeNetworks.Networks"/> now has.
    /// A gateway that cannot be listened on is logged and tried again at the next update.
    /// </summary>
    public async Task UpdateAsync(IReadOnlyCollection<ServiceEndpoint> endpoints, CancellationToken cancellationToken = default)
    {
        _zone = new DnsZone(endpoints);
        await _updating.WaitAsync(cancellationToken);
        try
        {
            var gateways = _networks.Networks.Select(n => n.Gateway).ToHashSet();
            foreach (var gone in _listeners.Keys.Except(gateways).ToArray())
                await CloseAsync(gone);
            foreach (var gateway in gateways.Except(_listeners.Keys).ToArray())
                await OpenAsync(gateway);
        }
        finally
        {
            _updating.Release();
        }
    }

    /// <summary>What the container with this address asks and the cluster does not know is asked of these, instead of the machine's own.</summary>
    public void SetServers(IPAddress asker, IReadOnlyList<IPAddress> servers) => _servers[asker] = servers;

    public void ForgetServers(IPAddress asker) => _servers.TryRemove(asker, out _);

    public async ValueTask DisposeAsync()
    {
        await _updating.WaitAsync();
        foreach (var gateway in _listeners.Keys.ToArray())
            await CloseAsync(gateway);
        _updating.Release();
    }

    private async Task OpenAsync(IPAddress gateway)
    {
        var listener = new DnsListener(gateway, (asker, packet, tcp, closing) => AnswerAsync(gateway, asker, packet, tcp, closing), _logger);
        try
        {
            await listener.OpenAsync(_host);
            _listeners[gateway] = listener;
        }
        catch (SocketException e)
        {
            _logger.LogError("No DNS on {Gateway}, port 53: {Error}", gateway, e.Message);
            await listener.DisposeAsync();
        }
    }

    private async Task CloseAsync(IPAddress gateway)
    {
        await _listeners[gateway].DisposeAsync();
        _listeners.Remove(gateway);
    }

    private async Task<byte[]?> AnswerAsync(IPAddress gateway, IPAddress asker, byte[] packet, bool tcp, CancellationToken cancellationToken)
    {
        switch (DnsResolver.Decide(_zone, Asker(gateway, asker), packet, tcp ? ushort.MaxValue : null))
        {
            case DnsDecision.Reply reply:
                return reply.Message;
            case DnsDecision.Forward forward:
                return await _upstreams.AskAsync(forward.Query, packet, tcp, _servers.GetValueOrDefault(asker), cancellationToken);
            default:
                return null;
        }
    }

    /// <summary>A container may learn the names of all its networks; anyone else who reaches a gateway, of that one.</summary>
    private DnsAsker Asker(IPAddress gateway, IPAddress asker)
    {
        var networks = _networks.Networks;
        var ids = _networks.NetworksOf(asker) ?? [.. networks.Where(n => n.Gateway.Equals(gateway)).Select(n => n.Network.Id)];
        return new DnsAsker(ids, networks.Any(n => !n.Network.Internal && ids.Contains(n.Network.Id)));
    }
}
