using Grpc.Core;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using Orchestrator.Control.Store;
using Yarp.ReverseProxy.Forwarder;

namespace Orchestrator.Control.Api;

/// <summary>Passes whole calls on to the leader, streams included, so that clients and agents need only any live server.</summary>
internal sealed class LeaderForwarding(ReplicatedStore store, ServerClients clients, IHttpForwarder forwarder, ILogger logger)
{
    /// <summary>A client sends "stale" to have a follower answer from its own state: for a look at a cluster that has no leader.</summary>
    public const string ConsistencyHeader = "x-orc-consistency";

    // An election takes a second or two.
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(3), s_pause = TimeSpan.FromMilliseconds(25);
    private static readonly ForwarderRequestConfig s_request = new()
    {
        Version = new Version(2, 0), VersionPolicy = HttpVersionPolicy.RequestVersionExact, ActivityTimeout = TimeSpan.FromDays(1),
    };

    public async Task InvokeAsync(HttpContext context, RequestDelegate next)
    {
        if (!BelongsToLeader(context.Request))
        {
            await next(context);
            return;
        }
        var caller = Caller.Of(context);
        for (var waited = TimeSpan.Zero; waited < s_patience; waited += s_pause)
        {
            if (store.IsLeader)
            {
                await next(context);
                return;
            }
            // One hop only: two servers that take each other for the leader must not play ball.
            if (caller.IsForwarded)
                break;
            if (LeaderAddress() is { } address)
            {
                await ForwardAsync(context, caller, address);
                return;
            }
            await Task.Delay(s_pause, context.RequestAborted);
        }
        await GrpcRefusal.WriteAsync(context.Response, StatusCode.Unavailable, NoLeader());
    }

    internal static bool BelongsToLeader(HttpRequest request) => request.Path.Value switch
    {
        "/orchestrator.v1.Api/GetClusterInfo" => false,
        "/orchestrator.v1.Membership/AddServer" or "/orchestrator.v1.Membership/RemoveServer" => true,
        { } path when path.StartsWith("/orchestrator.v1.Dispatcher/", StringComparison.Ordinal) => true,
        { } path when path.StartsWith("/orchestrator.v1.Api/", StringComparison.Ordinal) => request.Headers[ConsistencyHeader] != "stale",
        _ => false,
    };

    private string? LeaderAddress()
    {
        var raftAddress = store.LeaderRaftAddress;
        return raftAddress is null ? null : store.State.Cluster?.Servers.FirstOrDefault(s => s.RaftAddress == raftAddress)?.ApiAddress;
    }

    private string NoLeader() => store.IsLeader || store.LeaderRaftAddress is null
        ? $"no leader: this server sees no majority of the {store.Members.Count} servers"
        : $"no leader: {store.LeaderRaftAddress} should lead, but is not known here";

    private async Task ForwardAsync(HttpContext context, Caller caller, string address)
    {
        var error = await forwarder.SendAsync(context, "http://orchestrator/", clients.For(address), s_request, new CallerTransformer(caller));
        if (error == ForwarderError.None || context.RequestAborted.IsCancellationRequested)
            return;
        var reason = context.GetForwarderErrorFeature()?.Exception?.Message ?? error.ToString();
        logger.LogDebug("forwarding {Path} to {Leader} failed: {Reason}", context.Request.Path, address, reason);
        if (context.Response.HasStarted)
            return;
        context.Response.Clear();
        await GrpcRefusal.WriteAsync(context.Response, StatusCode.Unavailable, $"no leader: {address} does not answer ({reason})");
    }

    private sealed class CallerTransformer(Caller caller) : HttpTransformer
    {
        public override async ValueTask TransformRequestAsync(
            HttpContext context, HttpRequestMessage request, string destinationPrefix, CancellationToken cancellation)
        {
            await base.TransformRequestAsync(context, request, destinationPrefix, cancellation);
            request.Headers.Remove(Caller.RoleHeader);
            request.Headers.Remove(Caller.IdHeader);
            request.Headers.Add(Caller.RoleHeader, caller.Role is { } role ? Transport.RoleNames.Name(role) : "");
            request.Headers.Add(Caller.IdHeader, caller.Id);
        }
    }
}
