using System.Diagnostics;
using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Microsoft.Extensions.Logging.Abstractions;
using Orchestrator.Control.Store;
using Orchestrator.Model;

namespace Orchestrator.Tests.Control.Store;

/// <summary>Stores in this process, over loopback and mutual TLS, each in a directory of its own; all gone when disposed.</summary>
internal sealed class StoreCluster : IAsyncDisposable
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(60);
    private static readonly X509Certificate2 s_certificate = MakeCertificate();
    private readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory("orc-store-");
    private readonly List<Server> _servers = [];

    public static SslClientAuthenticationOptions ClientTls { get; } = new()
    {
        TargetHost = "store",
        ClientCertificates = [s_certificate],
        RemoteCertificateValidationCallback = (_, peer, _, _) => peer is not null && peer.GetCertHashString() == s_certificate.GetCertHashString(),
    };

    public IReadOnlyList<Server> Servers => _servers;

    public static CancellationToken Deadline => Xunit.TestContext.Current.CancellationToken;

    /// <summary>A cluster of this many, grown from one.</summary>
    public static async Task<StoreCluster> StartAsync(int servers, Func<StoreOptions, StoreOptions>? with = null)
    {
        var cluster = new StoreCluster();
        await cluster.AddServerAsync(bootstrap: true, with);
        for (var i = 1; i < servers; i++)
        {
            var joiner = await cluster.AddServerAsync(bootstrap: false, with);
            await (await cluster.LeaderAsync()).Store.AddMemberAsync(joiner.Address, Deadline);
        }
        return cluster;
    }

    public async Task<Server> AddServerAsync(bool bootstrap, Func<StoreOptions, StoreOptions>? with = null)
    {
        var server = new Server(Path.Combine(_directory.FullName, $"{_servers.Count}"), bootstrap, with ?? (o => o));
        await server.StartAsync();
        _servers.Add(server);
        return server;
    }

    public async Task<Server> LeaderAsync()
    {
        Server? leader = null;
        await UntilAsync(() => (leader = _servers.FirstOrDefault(s => s.IsRunning && s.Store.IsLeader)) is not null);
        return leader!;
    }

    /// <summary>Retries with the same request id, as clients do.</summary>
    public async Task<ChangeResult> ProposeAsync(Change change)
    {
        while (true)
        {
            try
            {
                return await (await LeaderAsync()).Store.ProposeAsync(change, Deadline);
            }
            catch (Exception e) when (e is NotLeaderException or OutcomeUnknownException)
            {
                await Task.Delay(10, Deadline);
            }
        }
    }

    /// <summary>Waits until all running servers hold the same state and the same members.</summary>
    public Task AgreeAsync(int members) => UntilAsync(() =>
        _servers.Where(s => s.IsRunning && s.Store.Members.Count == members)
            .Select(s => Convert.ToHexString(s.Store.State.Digest())).ToList() is var digests
        && digests.Count == _servers.Count(s => s.IsRunning) && digests.Distinct().Count() == 1);

    public static async Task UntilAsync(Func<bool> condition)
    {
        for (var watch = Stopwatch.StartNew(); !condition(); await Task.Delay(10, Deadline))
            if (watch.Elapsed > s_patience)
                throw new TimeoutException("the condition did not come true");
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var server in _servers)
            await server.StopAsync();
        _directory.Delete(recursive: true);
    }

    public static Change PutStack(string name, string requestId = "") => new()
    {
        RequestId = requestId,
        NowMs = 1,
        Operations = { new Operation { PutStack = new() { Spec = new() { Name = name } } } },
    };

    private static X509Certificate2 MakeCertificate()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=store", key, HashAlgorithmName.SHA256);
        using var made = request.CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(1));
        return X509CertificateLoader.LoadPkcs12(made.Export(X509ContentType.Pkcs12), null);
    }

    internal sealed class Server(string directory, bool bootstrap, Func<StoreOptions, StoreOptions> with)
    {
        private ReplicatedStore? _store;
        private bool _started;

        public ReplicatedStore Store => _store ?? throw new InvalidOperationException("stopped");

        public bool IsRunning => _store is not null;

        public string Directory => directory;

        public string Address { get; private set; } = FreeAddress();

        public async Task StartAsync()
        {
            while (_store is null)
            {
                try
                {
                    _store = await ReplicatedStore.OpenAsync(with(Options()), Deadline);
                    _started = true;
                }
                catch (SocketException) when (!_started)
                {
                    System.IO.Directory.Delete(directory, recursive: true);
                    Address = FreeAddress();
                }
            }
        }

        public async Task StopAsync()
        {
            if (_store is { } store)
                await store.DisposeAsync();
            _store = null;
        }

        private StoreOptions Options() => new()
        {
            Directory = directory,
            ListenAddress = Address,
            PublicAddress = Address,
            Bootstrap = bootstrap,
            Tls = new(
                new SslServerAuthenticationOptions
                {
                    ServerCertificate = s_certificate,
                    ClientCertificateRequired = true,
                    RemoteCertificateValidationCallback = (_, peer, _, _) => peer is not null && peer.GetCertHashString() == s_certificate.GetCertHashString(),
                },
                ClientTls),
            Loggers = NullLoggerFactory.Instance,
        };

        private static string FreeAddress()
        {
            using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
            socket.Bind(new IPEndPoint(IPAddress.Loopback, 0));
            return socket.LocalEndPoint!.ToString()!;
        }
    }
}
