using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Grpc.Core;
using Grpc.Net.Client;
using Orchestrator.Model;

namespace Orchestrator.StoreHost.Driving;

/// <summary>Server processes that form one cluster, grown from one; everything is gone when disposed.</summary>
public sealed class HostGroup : IAsyncDisposable
{
    private static readonly TimeSpan s_callTimeout = TimeSpan.FromSeconds(5);
    private readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory("orc-hosts-");
    private readonly X509Certificate2 _certificate;
    private readonly List<HostProcess> _hosts = [];
    private volatile HostProcess? _leader;

    private HostGroup(IReadOnlyDictionary<string, string> environment)
    {
        Environment = environment;
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=store", key, HashAlgorithmName.SHA256);
        using var made = request.CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(1));
        File.WriteAllBytes(CertificateFile, made.Export(X509ContentType.Pkcs12));
        _certificate = X509CertificateLoader.LoadPkcs12FromFile(CertificateFile, null);
    }

    public IReadOnlyList<HostProcess> Hosts => _hosts;

    public IReadOnlyDictionary<string, string> Environment { get; }

    /// <summary>What a server runs: the program beside this one, or the one that the variable names (compiled ahead of time, as the product is).</summary>
    public string Program { get; } =
        System.Environment.GetEnvironmentVariable("STORE_HOST_PROGRAM") ?? Path.Combine(AppContext.BaseDirectory, "Orchestrator.StoreHost");

    public string CertificateFile => Path.Combine(_directory.FullName, "certificate.pfx");

    public static async Task<HostGroup> StartAsync(int hosts, IReadOnlyDictionary<string, string>? environment = null)
    {
        var group = new HostGroup(environment ?? new Dictionary<string, string>());
        for (var i = 0; i < hosts; i++)
            await group.AddAsync();
        return group;
    }

    public async Task<HostProcess> AddAsync()
    {
        var (raft, api) = (FreePort(), FreePort());
        var host = new HostProcess(Path.Combine(_directory.FullName, $"{_hosts.Count}"), raft, api, this);
        _hosts.Add(host);
        await host.StartAsync(bootstrap: _hosts.Count == 1);
        if (_hosts.Count > 1)
            await RequireAsync(async leader => (await leader.Client.AddMemberAsync(new() { RaftAddress = host.RaftAddress })).Error);
        return host;
    }

    /// <summary>Repeats on whichever server leads until there is no error.</summary>
    public async Task RequireAsync(Func<HostProcess, Task<string>> call, int seconds = 30)
    {
        var deadline = DateTime.UtcNow.AddSeconds(seconds);
        while (await call(await LeaderAsync()) is { Length: > 0 } error)
        {
            if (DateTime.UtcNow > deadline)
                throw new InvalidOperationException(error);
            await Task.Delay(100);
        }
    }

    public async Task<HostProcess> LeaderAsync(HostProcess? other = null, CancellationToken cancellation = default)
    {
        var deadline = DateTime.UtcNow.AddSeconds(60);
        while (true)
        {
            if (DateTime.UtcNow > deadline)
                throw new TimeoutException("no server leads for 60 s");
            foreach (var host in _hosts.Where(h => h != other && h.IsRunning))
                if (await LeadsAsync(host))
                    return _leader = host;
            await Task.Delay(20, cancellation);
        }
    }

    /// <summary>Retries with the same request id until a leader acknowledges.</summary>
    public async Task<ChangeResult> ProposeAsync(Change change, CancellationToken cancellation)
    {
        while (true)
        {
            cancellation.ThrowIfCancellationRequested();
            var host = _leader ?? await LeaderAsync(null, cancellation);
            try
            {
                var reply = await host.Client.ProposeAsync(change, deadline: DateTime.UtcNow + s_callTimeout, cancellationToken: CancellationToken.None);
                if (reply.Result is { } result)
                    return result;
            }
            catch (RpcException)
            {
                // The server is down, paused or starting: another one leads, or will.
            }
            Interlocked.CompareExchange(ref _leader, null, host);
            await Task.Delay(20, cancellation);
        }
    }

    /// <summary>Waits until the server holds all that the leader holds now.</summary>
    public async Task CaughtUpAsync(HostProcess host)
    {
        var deadline = DateTime.UtcNow.AddSeconds(60);
        var goal = (await StatusAsync(await LeaderAsync(), 5000))?.Revision ?? 0;
        while ((await StatusAsync(host, 500))?.Revision is not { } revision || revision < goal)
        {
            if (DateTime.UtcNow > deadline)
                throw new TimeoutException($"{host.RaftAddress} has not caught up to revision {goal} in 60 s");
            await Task.Delay(20);
        }
    }

    /// <summary>Waits until all servers hold the same state; else what each says of itself.</summary>
    public async Task<string?> DisagreementAsync(TimeSpan timeout)
    {
        var deadline = DateTime.UtcNow + timeout;
        while (true)
        {
            var statuses = await Task.WhenAll(_hosts.Select(h => StatusAsync(h, 5000, digest: true)));
            if (statuses.All(s => s is not null) && statuses.DistinctBy(s => (s!.Revision, s.Digest)).Count() == 1)
                return null;
            if (DateTime.UtcNow > deadline)
                return string.Join('\n', _hosts.Zip(statuses, (h, s) => $"{h.RaftAddress}, running {h.IsRunning}: {s?.ToString() ?? "no answer"}"));
            await Task.Delay(100);
        }
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var host in _hosts)
            await host.DisposeAsync();
        _certificate.Dispose();
        _directory.Delete(recursive: true);
    }

    internal GrpcChannel Connect(int apiPort) => GrpcChannel.ForAddress($"https://127.0.0.1:{apiPort}", new GrpcChannelOptions
    {
        HttpHandler = new SocketsHttpHandler
        {
            EnableMultipleHttp2Connections = true,
            ConnectTimeout = TimeSpan.FromSeconds(1),
            SslOptions = new()
            {
                TargetHost = "store",
                ClientCertificates = [_certificate],
                RemoteCertificateValidationCallback = (_, peer, _, _) => peer?.GetCertHashString() == _certificate.GetCertHashString(),
            },
        },
        DisposeHttpClient = true,
    });

    private static async Task<bool> LeadsAsync(HostProcess host) => (await StatusAsync(host, 500))?.Leader == true;

    private static async Task<StatusReply?> StatusAsync(HostProcess host, int milliseconds, bool digest = false)
    {
        try
        {
            return await host.Client.StatusAsync(new() { Digest = digest }, deadline: DateTime.UtcNow.AddMilliseconds(milliseconds));
        }
        catch (RpcException)
        {
            return null;
        }
    }

    /// <summary>Below the range that the kernel gives to outgoing connections, so that a restarted server finds its port free.</summary>
    private static int FreePort()
    {
        while (true)
        {
            var port = Random.Shared.Next(18_000, 32_000);
            using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
            try
            {
                socket.Bind(new IPEndPoint(IPAddress.Loopback, port));
                return port;
            }
            catch (SocketException)
            {
                // Taken: try another.
            }
        }
    }
}
