using System.Net;
using System.Net.Sockets;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.Logging;
using Orchestrator.Control.Api;
using Orchestrator.Control.Certificates;
using Orchestrator.Control.Dispatching;
using Orchestrator.Control.Leading;
using Orchestrator.Control.Membership;
using Orchestrator.Control.Metrics;
using Orchestrator.Control.Store;
using Orchestrator.Model;
using Orchestrator.Oci;
using Orchestrator.Transport;
using Prometheus;

namespace Orchestrator.Control;

/// <summary>One server of the control plane: store, API, and the leader's work when it is its turn.</summary>
public sealed class ControlServer : IAsyncDisposable
{
    private readonly ServerDirectory _directory;
    private readonly ServerSettings _settings;
    private readonly Identity _identity;
    private readonly ReplicatedStore _store;
    private readonly Proposals _proposals;
    private readonly Leader _leader;
    private readonly ServerList _servers;
    private readonly Upkeep _upkeep;
    private readonly RegistryClient _registry;
    private readonly WebApplication _api;
    private readonly KestrelMetricServer? _metrics;
    private readonly ILogger _logger;
    private readonly CancellationTokenSource _stop = new();
    private Task _background = Task.CompletedTask;

    private ControlServer(ServerOptions options, ServerDirectory directory, ServerSettings settings, Identity identity, ReplicatedStore store,
        RefusalLog refusals, ILoggerFactory loggers)
    {
        (_directory, _settings, _identity, _store) = (directory, settings, identity, store);
        var metrics = new ControlMetrics();
        _logger = loggers.CreateLogger("server");
        var time = TimeProvider.System;
        _proposals = new Proposals(store, time, metrics);
        _leader = new Leader(store, _proposals, options.Heartbeat, time, metrics, loggers);
        _servers = new ServerList(store, _proposals, loggers.CreateLogger("membership"));
        _upkeep = new Upkeep(directory, settings, identity, store, time, _logger);
        _registry = new RegistryClient(new RegistryOptions { InsecureRegistries = options.InsecureRegistries.ToHashSet() });
        StateMetrics.AddTo(metrics, store, () => _leader.Current?.Sessions.Count ?? 0);
        _metrics = options.Metrics is { } address ? metrics.ServerOn(address) : null;
        var api = new PublicApi(
            store, new Stacks(store, _proposals, new Images(_registry), _leader), new Services(store, _proposals), new Nodes(store, _proposals),
            new ClusterInfo(store, identity.Current.Id), new Logs(store, _leader), new Exec(store, _leader));
        _api = ApiHost.Build(
            new IPEndPoint(IPAddress.Parse(settings.Listen), settings.ApiPort), identity, store, refusals, loggers,
            api, new DispatcherEndpoint(_leader), new JoiningEndpoint(store, time, refusals, _logger), new MembershipEndpoint(store, _servers, time));
    }

    public string Id => _identity.Current.Id;
    public string ApiAddress => _settings.ApiAddress;
    public ReplicatedStore Store => _store;

    /// <summary>Lets workers join.</summary>
    public string AgentToken => _store.State.Cluster?.AgentToken ?? "";

    /// <summary>What to tell the operator who just began a cluster; empty otherwise.</summary>
    public IReadOnlyList<string> Welcome { get; private set; } = [];

    /// <summary>Ends, with the error, when the server can no longer do its work.</summary>
    public Task Completion => _background;

    /// <summary>Starts a server: the first of a cluster, a further one, or one that was stopped. Answers when it is a member and serves.</summary>
    /// <exception cref="ServerStartException">It cannot start as told.</exception>
    public static async Task<ControlServer> StartAsync(ServerOptions options, ILoggerFactory loggers, CancellationToken cancellation)
    {
        var directory = new ServerDirectory(options.DataDirectory);
        try
        {
            return await StartAsync(options, directory, loggers, cancellation);
        }
        catch (Exception e) when (e is IOException or SocketException or InvalidDataException)
        {
            directory.Dispose();
            throw new ServerStartException($"cannot start with {options.DataDirectory}: {e.Message}");
        }
        catch
        {
            directory.Dispose();
            throw;
        }
    }

    private static async Task<ControlServer> StartAsync(
        ServerOptions options, ServerDirectory directory, ILoggerFactory loggers, CancellationToken cancellation)
    {
        var logger = loggers.CreateLogger("server");
        var isMember = directory.HasIdentity && directory.Joining is null;
        var settings = ServerSettings.Of(options, ServerSettings.Load(directory.Settings), isMember);
        settings.Save(directory.Settings);
        var enrolment = new Enrolment(directory, settings, logger);
        var identity = await IdentityAsync(options, directory, settings, enrolment, logger, cancellation);
        var refusals = new RefusalLog(loggers.CreateLogger("refused"), TimeProvider.System);
        var store = await ReplicatedStore.OpenAsync(StoreOptions(directory, settings, identity, refusals, loggers), cancellation);
        var server = new ControlServer(options, directory, settings, identity, store, refusals, loggers);
        await server.BeginOrDisposeAsync(enrolment, cancellation);
        return server;
    }

    private async Task BeginOrDisposeAsync(Enrolment enrolment, CancellationToken cancellation)
    {
        try
        {
            await BeginAsync(enrolment, cancellation);
        }
        catch
        {
            await DisposeAsync();
            throw;
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _background.ContinueWith(_ => { }, CancellationToken.None, TaskContinuationOptions.None, TaskScheduler.Default);
        using (var limit = new CancellationTokenSource(TimeSpan.FromSeconds(2)))
            await _api.StopAsync(limit.Token);
        await _api.DisposeAsync();
        if (_metrics is not null)
            await _metrics.StopAsync();
        await _store.DisposeAsync();
        _servers.Dispose();
        _directory.Dispose();
        _registry.Dispose();
        _stop.Dispose();
    }

    private static async Task<Identity> IdentityAsync(
        ServerOptions options, ServerDirectory directory, ServerSettings settings, Enrolment enrolment, ILogger logger, CancellationToken cancellation)
    {
        if (directory.HasIdentity)
        {
            if (options.Join.Count > 0 && directory.Joining is null)
                logger.LogInformation("this server is a member already: --join is not needed");
            return directory.LoadIdentity();
        }
        if (options.Join.Count > 0)
            return await enrolment.GetIdentityAsync(options.Join, options.Token, cancellation);
        var now = TimeProvider.System.GetUtcNow();
        var cluster = directory.Founding ??= Founding.Create(settings, now);
        return directory.SaveIdentity(Founding.Authority(cluster).Issue(Role.Server, cluster.Servers[0].Id, now));
    }

    private static StoreOptions StoreOptions(
        ServerDirectory directory, ServerSettings settings, Identity identity, RefusalLog refusals, ILoggerFactory loggers) => new()
        {
            Directory = directory.Store,
            ListenAddress = $"{settings.Listen}:{settings.RaftPort}",
            PublicAddress = settings.RaftAddress,
            Bootstrap = directory.Founding is not null,
            Tls = RaftTls.Of(identity, refusals),
            Loggers = loggers,
            Rejoin = new Rejoining(directory, settings, identity).Steps,
        };

    private async Task BeginAsync(Enrolment enrolment, CancellationToken cancellation)
    {
        await _api.StartAsync(cancellation);
        _metrics?.Start();
        _background = Together.RunAsync(_stop.Token, _leader.RunAsync, _upkeep.RunAsync, stop => _store.Completion.WaitAsync(stop));
        if (_directory.Founding is { } cluster)
        {
            await Founding.CommitAsync(_store, _proposals, cluster, cancellation);
            _upkeep.Look(cluster);
            _directory.Founding = null;
            Welcome = WelcomeTo(cluster);
        }
        if (_directory.Joining is { } addresses)
            await enrolment.BecomeMemberAsync(addresses, _identity, cancellation);
    }

    private IReadOnlyList<string> WelcomeTo(Cluster cluster) =>
    [
        $"Cluster {cluster.Id} begins with this server at {ApiAddress}.",
        "",
        "To add a server (two more make it survive the loss of any one):",
        $"  orcd server --join {ApiAddress} --token {cluster.ServerToken}",
        "To add a worker:",
        $"  orcd agent --join {ApiAddress} --token {cluster.AgentToken}",
        "",
        $"The administrator's context for orc: {_directory.AdminContext}",
    ];
}
