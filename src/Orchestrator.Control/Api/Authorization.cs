using Grpc.Core;
using Microsoft.AspNetCore.Http;
using Orchestrator.Control.Certificates;
using Orchestrator.Transport;

namespace Orchestrator.Control.Api;

/// <summary>Stands before everything else: finds out who calls and lets nobody do what its role may not.</summary>
internal sealed class Authorization(Identity identity, RefusalLog refusals)
{
    public async Task InvokeAsync(HttpContext context, RequestDelegate next)
    {
        var caller = Caller.Of(context, identity.Current.Verify(context.Connection.ClientCertificate));
        caller.AttachTo(context);
        if (Permissions.Refusal(context.Request.Path, caller.Role) is not { } refusal)
        {
            await next(context);
            return;
        }
        // Without the path, of which a stranger could send one after the other, each a line of its own.
        refusals.Report(caller.Peer, caller.Role is null ? refusal : $"{context.Request.Path}: {refusal}");
        await GrpcRefusal.WriteAsync(context.Response, caller.Role is null ? StatusCode.Unauthenticated : StatusCode.PermissionDenied, refusal);
    }
}
