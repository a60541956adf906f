using Grpc.Core;
using Grpc.Core.Interceptors;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Orchestrator.Engine.Containers;
using Orchestrator.Linux;
using Orchestrator.Oci;

namespace Orchestrator.Agent.Local;

/// <summary>RUNDIR/engine.sock, where this machine's own containers are asked for. Only its owner, root, may open it.</summary>
internal sealed class EngineSocket : IAsyncDisposable
{
    public const string FileName = "engine.sock";

    private const int MessageBytesMax = 16 << 20;
    private const uint OwnerOnly = 0x180;

    private readonly WebApplication _app;

    private EngineSocket(WebApplication app) => _app = app;

    /// <exception cref="IOException">The socket cannot be made there.</exception>
    public static async Task<EngineSocket> StartAsync(string runDirectory, LocalTable table, ILoggerFactory loggers)
    {
        var path = Path.Combine(runDirectory, FileName);
        // The lock of the data directory says that no other agent serves there.
        File.Delete(path);
        var app = Build(path, loggers, new ContainersEndpoint(table), new VolumesEndpoint(table), new ImagesEndpoint(table));
        await app.StartAsync();
        FileSystem.ChangeMode(path, OwnerOnly);
        return new EngineSocket(app);
    }

    public async ValueTask DisposeAsync()
    {
        using (var limit = new CancellationTokenSource(TimeSpan.FromSeconds(1)))
            await _app.StopAsync(limit.Token);
        await _app.DisposeAsync();
    }

    private static WebApplication Build(string path, ILoggerFactory loggers, params object[] endpoints)
    {
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.Services.AddSingleton(loggers);
        builder.Services.AddRoutingCore();
        builder.Services.AddGrpc(grpc =>
        {
            grpc.MaxReceiveMessageSize = MessageBytesMax;
            grpc.MaxSendMessageSize = null;
            grpc.Interceptors.Add<LocalFailures>();
        });
        foreach (var endpoint in endpoints)
            builder.Services.AddSingleton(endpoint.GetType(), endpoint);
        builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel =>
        {
            // Whatever the umask is, nobody else gets in between the socket's making and its mode: its directory is root's.
            kestrel.ListenUnixSocket(path, listen => listen.Protocols = HttpProtocols.Http2);
            kestrel.Limits.MinRequestBodyDataRate = null;
            kestrel.Limits.MinResponseDataRate = null;
        });
        var app = builder.Build();
        app.MapGrpcService<ContainersEndpoint>();
        app.MapGrpcService<VolumesEndpoint>();
        app.MapGrpcService<ImagesEndpoint>();
        return app;
    }
}

/// <summary>Gives every failure of a handler the status that clients expect.</summary>
internal sealed class LocalFailures(ILogger<LocalFailures> logger) : Interceptor
{
    public override Task<TResponse> UnaryServerHandler<TRequest, TResponse>(
        TRequest request, ServerCallContext context, UnaryServerMethod<TRequest, TResponse> continuation) =>
        RunAsync(context, () => continuation(request, context));

    public override Task<TResponse> ClientStreamingServerHandler<TRequest, TResponse>(
        IAsyncStreamReader<TRequest> requests, ServerCallContext context, ClientStreamingServerMethod<TRequest, TResponse> continuation) =>
        RunAsync(context, () => continuation(requests, context));

    public override Task ServerStreamingServerHandler<TRequest, TResponse>(
        TRequest request, IServerStreamWriter<TResponse> responses, ServerCallContext context, ServerStreamingServerMethod<TRequest, TResponse> continuation) =>
        RunAsync(context, () => Answered(continuation(request, responses, context)));

    public override Task DuplexStreamingServerHandler<TRequest, TResponse>(
        IAsyncStreamReader<TRequest> requests, IServerStreamWriter<TResponse> responses, ServerCallContext context,
        DuplexStreamingServerMethod<TRequest, TResponse> continuation) =>
        RunAsync(context, () => Answered(continuation(requests, responses, context)));

    private static async Task<bool> Answered(Task handler)
    {
        await handler;
        return true;
    }

    private async Task<T> RunAsync<T>(ServerCallContext context, Func<Task<T>> handler)
    {
        try
        {
            return await handler();
        }
        catch (LocalRefusal e)
        {
            throw new RpcException(new Status(e.Code, e.Message));
        }
        catch (Exception e) when (e is ContainerException or RegistryException or InvalidDataException or FormatException)
        {
            throw new RpcException(new Status(StatusCode.FailedPrecondition, e.Message));
        }
        catch (Exception) when (context.CancellationToken.IsCancellationRequested)
        {
            throw new RpcException(new Status(StatusCode.Cancelled, "the caller left"));
        }
        catch (OperationCanceledException)
        {
            throw new RpcException(new Status(StatusCode.Unavailable, "the agent stops; containers go on"));
        }
        catch (Exception e) when (e is not RpcException)
        {
            logger.LogError(e, "{Method} failed", context.Method);
            throw new RpcException(new Status(StatusCode.Internal, $"{context.Method} failed in the agent: {e.Message}"));
        }
    }
}
