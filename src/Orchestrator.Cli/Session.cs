using Grpc.Core;
using Orchestrator.Cli.Output;
using Orchestrator.Model;
using Orchestrator.Transport;

namespace Orchestrator.Cli;

/// <summary>One run of one command: its streams and, once it is asked for, its connection.</summary>
internal sealed class Session(Streams streams, Func<CallInvoker> connect, bool json, string? contextPath, Func<CallInvoker>? connectEngine = null) : IDisposable
{
    private CallInvoker? _invoker;
    private CallInvoker? _engine;
    private Grpc.Net.Client.GrpcChannel? _engineChannel;

    public Streams Streams => streams;

    public TextWriter Out => streams.Out;

    public TextWriter Error => streams.Error;

    public bool Json => json;

    /// <summary>As named by the user; null for the usual one.</summary>
    public string? ContextPath => contextPath;

    public Api.ApiClient Api => new(_invoker ??= Connect());

    /// <summary>Containers of this machine.</summary>
    public LocalContainers.LocalContainersClient Containers => new(Engine);

    public LocalVolumes.LocalVolumesClient Volumes => new(Engine);

    public LocalImages.LocalImagesClient Images => new(Engine);

    /// <summary>An agent of this machine can be asked.</summary>
    public bool HasEngine => connectEngine is not null || File.Exists(EngineChannel.Path(null));

    /// <summary>The id under which the server knows a request again when it is sent a second time.</summary>
    public static string NewRequestId() => Guid.NewGuid().ToString("N");

    /// <summary>After a broken stream: the next call tries another server.</summary>
    public void MoveOn() => (_invoker as ServerChannel)?.MoveOn();

    public void Warn<T>(IEnumerable<T> warnings) where T : notnull
    {
        foreach (var warning in warnings)
            Error.WriteLine($"warning: {Text.OneLine(warning.ToString()!)}");
    }

    /// <summary>Shows the answer in the form that was asked for.</summary>
    public int Show(Func<System.Text.Json.Nodes.JsonNode> asJson, Func<Table> asTable)
    {
        Out.Write(json ? JsonOutput.Text(asJson()) : asTable().Render(streams.Terminal ? streams.Width() : 0));
        return ExitCode.Done;
    }

    public void Dispose()
    {
        (_invoker as IDisposable)?.Dispose();
        _engineChannel?.Dispose();
    }

    private CallInvoker Engine => _engine ??= connectEngine is not null ? connectEngine() : OpenEngine();

    private CallInvoker OpenEngine()
    {
        var channel = EngineChannel.Open(EngineChannel.Path(null));
        _engineChannel = channel;
        return channel.CreateCallInvoker();
    }

    private CallInvoker Connect()
    {
        try
        {
            return connect();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or InvalidDataException or System.Security.Cryptography.CryptographicException)
        {
            throw new RefusedException($"there is no usable context ({e.Message}); name one with --context or ${AdminContext.EnvironmentVariable}", ExitCode.Unreachable);
        }
    }
}
