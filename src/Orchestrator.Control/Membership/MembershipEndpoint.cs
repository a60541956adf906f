using Grpc.Core;
using Orchestrator.Control.Api;
using Orchestrator.Control.Certificates;
using Orchestrator.Control.Store;
using Orchestrator.Model;

namespace Orchestrator.Control.Membership;

internal sealed class MembershipEndpoint(ReplicatedStore store, ServerList servers, TimeProvider time) : Model.Membership.MembershipBase
{
    public override async Task<AddServerResponse> AddServer(AddServerRequest request, ServerCallContext context)
    {
        if (request.Server is not { Id.Length: > 0 } server || server.Id != Caller.Of(context).Id)
            throw Refusals.Invalid("a server is added by itself: the id must be its certificate's");
        return new AddServerResponse { Servers = { await servers.AddAsync(server, context.CancellationToken) } };
    }

    public override async Task<RemoveServerResponse> RemoveServer(RemoveServerRequest request, ServerCallContext context)
    {
        await servers.RemoveAsync(request.Id, context.CancellationToken);
        return new RemoveServerResponse();
    }

    /// <summary>Whoever has a valid certificate gets a newer one of the same role and id.</summary>
    public override Task<RenewResponse> Renew(RenewRequest request, ServerCallContext context)
    {
        var caller = Caller.Of(context);
        var cluster = store.State.Cluster ?? throw Refusals.Unavailable("this server knows no cluster yet: it is joining");
        var authority = CertificateAuthority.FromPem(cluster.Id, cluster.CaCertificatePem, cluster.CaKeyPem);
        var certificate = authority.Sign(request.CertificateRequest.ToByteArray(), caller.Role!.Value, caller.Id, time.GetUtcNow())
            ?? throw Refusals.Invalid("the certificate request is malformed: expected PKCS#10 in DER, signed by its own key");
        return Task.FromResult(new RenewResponse { CertificatePem = certificate });
    }
}
