using System.Net;
using System.Net.Sockets;
using Google.Protobuf;
using Microsoft.Extensions.Logging;
using Orchestrator.Agent.Session;
using Orchestrator.Engine.Containers;
using Orchestrator.Engine.Images;
using Orchestrator.Linux;
using Orchestrator.Model;
using Digest = Orchestrator.Oci.Digest;

namespace Orchestrator.Agent.Local;

/// <summary>What all containers of this machine share.</summary>
/// <param name="directory">Of their records.</param>
/// <param name="host">In the network namespace that counts as this machine.</param>
internal sealed class LocalSurroundings(
    string directory, ContainerEngine engine, ImageStore images, DataPlane dataPlane, NetnsThread host, ILogger logger, CancellationToken stopping)
{
    public ContainerEngine Engine { get; } = engine;
    public ImageStore Images { get; } = images;
    public DataPlane DataPlane { get; } = dataPlane;
    public LocalEvents Events { get; } = new();
    public ILogger Logger { get; } = logger;

    /// <summary>The agent ends; containers go on.</summary>
    public CancellationToken Stopping { get; } = stopping;

    public IReadOnlyList<LocalRecord> Load()
    {
        Directory.CreateDirectory(directory, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        return [.. Directory.EnumerateFiles(directory, "*.container").Select(Load).OfType<LocalRecord>()];
    }

    public void Save(LocalRecord record)
    {
        var path = PathOf(record.Id);
        using (var file = File.Create(path + ".new"))
            record.WriteTo(file);
        File.Move(path + ".new", path, overwrite: true);
    }

    public void Forget(string id) => File.Delete(PathOf(id));

    public StoredImage? ImageOf(LocalRecord record) => Digest.TryParse(record.ImageDigest, out var digest) ? Images.Find(digest) : null;

    /// <summary>Whether a program of this machine, or nobody, has the port.</summary>
    public Task<bool> IsFreeAsync(Protocol protocol, string hostIp, int port) => host.RunAsync(() => TryBind(protocol, hostIp, port) is not null);

    /// <summary>A port that nobody has now.</summary>
    public Task<int> FreePortAsync(Protocol protocol, string hostIp) => host.RunAsync(() => TryBind(protocol, hostIp, 0) ?? 0);

    private static int? TryBind(Protocol protocol, string hostIp, int port)
    {
        var udp = protocol == Protocol.Udp;
        using var socket = new Socket(AddressFamily.InterNetwork, udp ? SocketType.Dgram : SocketType.Stream, udp ? ProtocolType.Udp : ProtocolType.Tcp);
        try
        {
            socket.Bind(new IPEndPoint(hostIp.Length == 0 ? IPAddress.Any : IPAddress.Parse(hostIp), port));
            return ((IPEndPoint)socket.LocalEndPoint!).Port;
        }
        catch (SocketException)
        {
            return null;
        }
    }

    private static LocalRecord? Load(string path)
    {
        try
        {
            return LocalRecord.Parser.ParseFrom(File.ReadAllBytes(path));
        }
        catch (InvalidProtocolBufferException)
        {
            return null;
        }
    }

    private string PathOf(string id) => Path.Combine(directory, id + ".container");
}
