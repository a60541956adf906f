using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Google.Protobuf;
using Grpc.Core;
using Grpc.Net.Client;
using Orchestrator.Bench.Store.Etcd;

namespace Orchestrator.Bench.Store;

/// <summary>Three etcd members on loopback, mutual TLS between them and to the client; gone when disposed.</summary>
internal sealed class EtcdGroup : IAsyncDisposable
{
    private readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory("orc-etcd-");
    private readonly List<Process> _processes = [];
    private readonly List<GrpcChannel> _channels = [];
    private readonly X509Certificate2 _certificate;
    private KV.KVClient? _leader;

    private EtcdGroup()
    {
        using var made = MakeCertificate();
        File.WriteAllText(PathOf("certificate.pem"), made.ExportCertificatePem());
        File.WriteAllText(PathOf("key.pem"), made.GetECDsaPrivateKey()!.ExportPkcs8PrivateKeyPem());
        _certificate = X509CertificateLoader.LoadPkcs12(made.Export(X509ContentType.Pkcs12), null);
    }

    /// <summary>Null where etcd is not installed.</summary>
    public static async Task<EtcdGroup?> StartAsync()
    {
        var group = new EtcdGroup();
        var ports = Enumerable.Range(0, 3).Select(_ => (Client: FreePort(), Peer: FreePort())).ToArray();
        try
        {
            for (var i = 0; i < ports.Length; i++)
                group.StartMember(i, ports);
        }
        catch (System.ComponentModel.Win32Exception)
        {
            await group.DisposeAsync();
            return null;
        }
        await group.FindLeaderAsync(TimeSpan.FromSeconds(30));
        return group;
    }

    public TimeSpan CpuTime() => TimeSpan.FromTicks(_processes.Sum(p => CpuTimeOf(p).Ticks));

    public async Task PutAsync(string key, byte[] value) =>
        await _leader!.PutAsync(new() { Key = ByteString.CopyFromUtf8(key), Value = UnsafeByteOperations.UnsafeWrap(value) });

    public async ValueTask DisposeAsync()
    {
        foreach (var channel in _channels)
            channel.Dispose();
        foreach (var process in _processes)
        {
            process.Kill();
            await process.WaitForExitAsync();
            process.Dispose();
        }
        _certificate.Dispose();
        _directory.Delete(recursive: true);
    }

    private static TimeSpan CpuTimeOf(Process process)
    {
        process.Refresh();
        return process.TotalProcessorTime;
    }

    private string PathOf(string file) => Path.Combine(_directory.FullName, file);

    private void StartMember(int member, (int Client, int Peer)[] ports)
    {
        var (client, peer) = ($"https://127.0.0.1:{ports[member].Client}", $"https://127.0.0.1:{ports[member].Peer}");
        var start = new ProcessStartInfo("etcd") { RedirectStandardError = true, RedirectStandardOutput = true };
        string[] arguments =
        [
            "--name", $"m{member}", "--data-dir", PathOf($"m{member}"), "--log-level", "error", "--logger", "zap",
            "--listen-client-urls", client, "--advertise-client-urls", client,
            "--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer,
            "--initial-cluster", string.Join(',', ports.Select((p, i) => $"m{i}=https://127.0.0.1:{p.Peer}")),
            "--cert-file", PathOf("certificate.pem"), "--key-file", PathOf("key.pem"), "--trusted-ca-file", PathOf("certificate.pem"), "--client-cert-auth",
            "--peer-cert-file", PathOf("certificate.pem"), "--peer-key-file", PathOf("key.pem"), "--peer-trusted-ca-file", PathOf("certificate.pem"),
            "--peer-client-cert-auth",
        ];
        foreach (var argument in arguments)
            start.ArgumentList.Add(argument);
        var process = Process.Start(start)!;
        process.OutputDataReceived += (_, _) => { };
        process.ErrorDataReceived += (_, line) => { if (line.Data is { } text) Console.Error.WriteLine($"etcd m{member}: {text}"); };
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        _processes.Add(process);
        _channels.Add(Connect(client));
    }

    private async Task FindLeaderAsync(TimeSpan timeout)
    {
        for (var watch = Stopwatch.StartNew(); watch.Elapsed < timeout; await Task.Delay(200))
            foreach (var channel in _channels)
                if (await LeadsAsync(channel))
                {
                    _leader = new(channel);
                    return;
                }
        throw new InvalidOperationException("etcd has no leader");
    }

    private static async Task<bool> LeadsAsync(GrpcChannel channel)
    {
        try
        {
            var status = await new Maintenance.MaintenanceClient(channel).StatusAsync(new(), deadline: DateTime.UtcNow.AddSeconds(1));
            return status.Leader != 0 && status.Leader == status.Header.MemberId;
        }
        catch (RpcException)
        {
            return false;
        }
    }

    private GrpcChannel Connect(string address) => GrpcChannel.ForAddress(address, new GrpcChannelOptions
    {
        HttpHandler = new SocketsHttpHandler
        {
            EnableMultipleHttp2Connections = true,
            SslOptions = new()
            {
                ClientCertificates = [_certificate],
                RemoteCertificateValidationCallback = (_, peer, _, _) => peer?.GetCertHashString() == _certificate.GetCertHashString(),
            },
        },
        DisposeHttpClient = true,
    });

    private static X509Certificate2 MakeCertificate()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=etcd", key, HashAlgorithmName.SHA256);
        var names = new SubjectAlternativeNameBuilder();
        names.AddIpAddress(IPAddress.Loopback);
        request.CertificateExtensions.Add(names.Build());
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(certificateAuthority: true, false, 0, critical: true));
        return request.CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(1));
    }

    private static int FreePort()
    {
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        socket.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        return ((IPEndPoint)socket.LocalEndPoint!).Port;
    }
}
