using System.Runtime.CompilerServices;
using System.Net;
using System.Net.Sockets;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Orchestrator.Control;
using Orchestrator.Control.Certificates;
using Orchestrator.Control.Dispatching;
using Orchestrator.Transport;

namespace Orchestrator.Tests.Control;

/// <summary>Real servers in this process, on loopback, each with a directory of its own; all gone when disposed.</summary>
internal sealed class ServerGroup : IAsyncDisposable
{
    private readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory("orc-servers-");
    private readonly List<ControlServer> _servers = [];
    private readonly List<ServerChannel> _channels = [];
    private int _started;

    public IReadOnlyList<ControlServer> Servers => _servers;

    public HeartbeatRule Heartbeat { get; init; } = HeartbeatRule.Default;

    private static readonly ConditionalWeakTable<Xunit.Sdk.ITest, CancellationTokenSource> s_deadlines = [];

    public ILoggerFactory Loggers { get; init; } = NullLoggerFactory.Instance;

    /// <summary>Two minutes for each test: one that waits for what never comes fails, and does not hold up the others.</summary>
    public static CancellationToken Deadline => Xunit.TestContext.Current is { Test: { } test, CancellationToken: var end }
        ? s_deadlines.GetValue(test, _ => Limit(end)).Token : Xunit.TestContext.Current.CancellationToken;

    public CertificateAuthority Authority
    {
        get
        {
            var cluster = _servers[0].Store.State.Cluster!;
            return CertificateAuthority.FromPem(cluster.Id, cluster.CaCertificatePem, cluster.CaKeyPem);
        }
    }

    public static async Task<ServerGroup> StartAsync(int servers, HeartbeatRule? heartbeat = null, ILoggerFactory? loggers = null)
    {
        var group = new ServerGroup { Heartbeat = heartbeat ?? HeartbeatRule.Default, Loggers = loggers ?? NullLoggerFactory.Instance };
        await group.AddAsync(group.Options());
        for (var i = 1; i < servers; i++)
            await group.AddAsync(group.JoinOptions());
        return group;
    }

    public ServerOptions Options() => new()
    {
        DataDirectory = Path.Combine(_directory.FullName, $"{_started++}"),
        Listen = "127.0.0.1",
        ApiPort = FreePort(),
        RaftPort = FreePort(),
        Hostname = $"server{_started}",
        Heartbeat = Heartbeat,
    };

    public ServerOptions JoinOptions(string? token = null) => Options() with
    {
        Join = [.. _servers.Select(s => s.ApiAddress)],
        Token = token ?? _servers[0].Store.State.Cluster!.ServerToken,
    };

    public async Task<ControlServer> AddAsync(ServerOptions options)
    {
        var server = await ControlServer.StartAsync(options, Loggers, Deadline);
        _servers.Add(server);
        return server;
    }

    public async Task StopAsync(ControlServer server)
    {
        _servers.Remove(server);
        await server.DisposeAsync();
    }

    public async Task<ControlServer> LeaderAsync()
    {
        while (true)
        {
            if (_servers.FirstOrDefault(s => s.Store.IsLeader) is { } leader)
                return leader;
            await Task.Delay(10, Deadline);
        }
    }

    public ServerChannel Channel(Role role, string id = "someone", params ControlServer[] servers) => Channel(Credentials(role, id), servers);

    public ServerChannel Channel(Credentials credentials, params ControlServer[] servers)
    {
        var channel = new ServerChannel([.. (servers.Length > 0 ? servers : [.. _servers]).Select(s => s.ApiAddress)], credentials);
        _channels.Add(channel);
        return channel;
    }

    public Credentials Credentials(Role role, string id = "someone") => Authority.Issue(role, id, DateTimeOffset.UtcNow);

    public async ValueTask DisposeAsync()
    {
        foreach (var channel in _channels)
            channel.Dispose();
        foreach (var server in _servers)
            await server.DisposeAsync();
        _directory.Delete(recursive: true);
    }

    /// <summary>A port that nobody uses now, below those that outgoing connections get: addresses must be known before anything listens.</summary>
    private static int FreePort()
    {
        while (true)
        {
            var port = Random.Shared.Next(12_000, 32_000);
            using var listener = new TcpListener(IPAddress.Loopback, port);
            try
            {
                listener.Start();
                return port;
            }
            catch (SocketException e) when (e.SocketErrorCode == SocketError.AddressAlreadyInUse)
            {
                // Another one, then.
            }
        }
    }

    private static CancellationTokenSource Limit(CancellationToken end)
    {
        var limit = CancellationTokenSource.CreateLinkedTokenSource(end);
        limit.CancelAfter(TimeSpan.FromMinutes(2));
        return limit;
    }
}
