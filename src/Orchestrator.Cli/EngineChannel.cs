using System.Net.Sockets;
using Grpc.Net.Client;

namespace Orchestrator.Cli;

/// <summary>To this machine's agent, at the socket where its containers are asked for.</summary>
internal static class EngineChannel
{
    public const string EnvironmentVariable = "ORC_ENGINE", DefaultPath = "/run/orchestrator/engine.sock";

    public static string Path(string? named) =>
        named ?? (Environment.GetEnvironmentVariable(EnvironmentVariable) is { Length: > 0 } path ? path : DefaultPath);

    /// <exception cref="RefusedException">No agent serves there, or not for this user.</exception>
    public static GrpcChannel Open(string path)
    {
        Socket? socket = Connect(path);
        return GrpcChannel.ForAddress("http://engine", new GrpcChannelOptions
        {
            DisposeHttpClient = true,
            MaxReceiveMessageSize = null,
            MaxSendMessageSize = null,
            HttpHandler = new SocketsHttpHandler
            {
                UseProxy = false,
                EnableMultipleHttp2Connections = true,
                ConnectCallback = (_, _) => ValueTask.FromResult<Stream>(new NetworkStream(Interlocked.Exchange(ref socket, null) ?? Connect(path), ownsSocket: true)),
            },
        });
    }

    // At once, so that nobody there is one clear sentence and not a failed call.
    private static Socket Connect(string path)
    {
        var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            socket.Connect(new UnixDomainSocketEndPoint(path));
            return socket;
        }
        catch (SocketException e)
        {
            socket.Dispose();
            var reason = e.SocketErrorCode == SocketError.AccessDenied ? "only root may open it"
                : $"start `orcd dev` (or `orcd agent`), or name its socket in ${EnvironmentVariable}";
            throw new RefusedException($"no agent of this machine answers at {path}: {reason}", ExitCode.Unreachable);
        }
    }
}
