using System.Net;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Orchestrator.Control.Certificates;
using Orchestrator.Control.Dispatching;
using Orchestrator.Control.Membership;
using Orchestrator.Control.Store;
using Orchestrator.Transport;
using Yarp.ReverseProxy.Forwarder;

namespace Orchestrator.Control.Api;

/// <summary>The web server with its services, wired to objects that are made outside.</summary>
internal static class ApiHost
{
    private const int MessageBytesMax = 16 << 20;

    public static WebApplication Build(
        IPEndPoint address, Identity identity, ReplicatedStore store, RefusalLog refusals, ILoggerFactory loggers, params object[] endpoints)
    {
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.Services.AddSingleton(loggers);
        builder.Services.AddRoutingCore();
        builder.Services.AddHttpForwarder();
        builder.Services.AddGrpc(grpc =>
        {
            grpc.MaxReceiveMessageSize = MessageBytesMax;
            grpc.MaxSendMessageSize = null;
            grpc.Interceptors.Add<FailureInterceptor>();
        });
        foreach (var endpoint in endpoints)
            builder.Services.AddSingleton(endpoint.GetType(), endpoint);
        builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel => new ApiListener(identity, refusals).Configure(kestrel, address));
        var app = builder.Build();
        Route(app, identity, store, refusals, loggers);
        return app;
    }

    private static void Route(WebApplication app, Identity identity, ReplicatedStore store, RefusalLog refusals, ILoggerFactory loggers)
    {
        var clients = new ServerClients(identity);
        app.Lifetime.ApplicationStopped.Register(clients.Dispose);
        var forwarder = app.Services.GetRequiredService<IHttpForwarder>();
        app.Use(new Authorization(identity, refusals).InvokeAsync);
        app.Use(new LeaderForwarding(store, clients, forwarder, loggers.CreateLogger("forwarding")).InvokeAsync);
        app.MapGrpcService<PublicApi>();
        app.MapGrpcService<DispatcherEndpoint>();
        app.MapGrpcService<JoiningEndpoint>();
        app.MapGrpcService<MembershipEndpoint>();
    }
}
