using Microsoft.Extensions.Logging;
using Microsoft.Win32.SafeHandles;
using Orchestrator.Agent.Endpoints;
using Orchestrator.Agent.Local;
using Orchestrator.Agent.Replicas;
using Orchestrator.Agent.Session;
using Orchestrator.Engine.Containers;
using Orchestrator.Engine.Images;
using Orchestrator.Engine.Networks;
using Orchestrator.Linux;
using Orchestrator.Model;
using Orchestrator.Oci;
using Orchestrator.Transport;

namespace Orchestrator.Agent;

/// <summary>A worker: joins one machine's engine to the cluster. When it ends, containers, virtual IPs and names stay.</summary>
public sealed class AgentNode(AgentOptions options, ILoggerFactory loggers)
{
    /// <exception cref="JoinException">Refused by the cluster, in none yet and no token given, or another agent uses the data directory.</exception>
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        var logger = loggers.CreateLogger<AgentNode>();
        using var directory = Lock();
        var membership = await NodeMembership.OpenAsync(options, logger, cancellationToken);
        using var host = new NetnsThread();
        using var engine = await ContainerEngine.OpenAsync(
            new EngineOptions(options.DataDirectory, options.RunDirectory, options.RuntimePath, options.CgroupParent));
        using var registry = new RegistryClient(new RegistryOptions { InsecureRegistries = options.InsecureRegistries });
        using var images = new ImageStore(Path.Combine(options.DataDirectory, "images"), registry);
        using var networks = new NodeNetworks(new NetworkOptions(options.DataDirectory, options.RunDirectory), host);
        var table = new EndpointTable(networks, host);
        await using var dns = new DnsServer(networks, host, loggers.CreateLogger<DnsServer>());
        using var dataPlane = new DataPlane(Path.Combine(options.DataDirectory, "dataplane"), options.Address, networks, table, dns);
        using var reports = new ObservedReports();
        using var around = new ReplicaSurroundings(Path.Combine(options.DataDirectory, "replicas"), engine, images, dataPlane, reports, logger);
        var replicas = new ReplicaTable(around, cancellationToken);
        using var local = new LocalTable(new LocalSurroundings(
            Path.Combine(options.DataDirectory, "local"), engine, images, dataPlane, host, loggers.CreateLogger<LocalTable>(), cancellationToken));
        local.Load();
        await RecoverAsync(around, replicas, local, dataPlane, logger);
        await using var socket = await EngineSocket.StartAsync(options.RunDirectory, local, loggers);
        await ServeAsync(membership, engine, replicas, dataPlane, reports, logger, cancellationToken);
    }

    private async Task ServeAsync(
        NodeMembership membership, ContainerEngine engine, ReplicaTable replicas, DataPlane dataPlane, ObservedReports reports, ILogger logger,
        CancellationToken cancellationToken)
    {
        using var servers = new ServerChannel(membership.Servers, membership.Identity);
        var streams = new StreamServer(new Dispatcher.DispatcherClient(servers), replicas, engine, logger, cancellationToken);
        var session = new SessionLoop(options, membership, servers, replicas, dataPlane, reports, streams, logger);
        var renewal = new CertificateRenewal(membership.Identity, servers, TimeProvider.System);
        await await Task.WhenAny(
            session.RunAsync(cancellationToken),
            renewal.RunAsync(e => logger.LogInformation("certificate renewal: {Outcome}", e?.Message ?? "done"), cancellationToken));
    }

    private static async Task RecoverAsync(ReplicaSurroundings around, ReplicaTable replicas, LocalTable local, DataPlane dataPlane, ILogger logger)
    {
        var records = around.Load();
        var attachments = around.Networks.Attachments.ToDictionary(a => a.ContainerId);
        try
        {
            await dataPlane.RecoverAsync(records.Where(r => attachments.ContainsKey(r.Assignment.ReplicaId))
                .Select(r => (r.Assignment, attachments[r.Assignment.ReplicaId])));
        }
        catch (IOException e)
        {
            logger.LogError(e, "networks could not be brought back; they are as they were found");
        }
        await replicas.RecoverAsync(records, local.Owns);
        await local.RecoverAsync();
        logger.LogInformation("{Count} replicas found", records.Count);
    }

    // Not by FileStream, which takes locks of its own.
    private SafeFileHandle Lock()
    {
        Directory.CreateDirectory(options.DataDirectory);
        Directory.CreateDirectory(options.RunDirectory);
        var file = FileSystem.Open(Path.Combine(options.DataDirectory, "agent.lock"), OpenFlags.ReadWrite | OpenFlags.Create, 0x180);
        if (FileSystem.TryLock(file))
            return file;
        file.Dispose();
        throw new JoinException($"another agent uses {options.DataDirectory}", isFinal: true);
    }
}
