using System.Security.Cryptography;
using Grpc.Core;
using Microsoft.Extensions.Logging;
using Orchestrator.Control.Api;
using Orchestrator.Control.Certificates;
using Orchestrator.Control.Store;
using Orchestrator.Model;

namespace Orchestrator.Control.Membership;

/// <summary>The one service that needs no certificate: it gives one to whoever shows a token. Any server can, the CA's key is in its state.</summary>
internal sealed class JoiningEndpoint(ReplicatedStore store, TimeProvider time, RefusalLog refusals, ILogger logger) : Joining.JoiningBase
{
    public override Task<GetAuthorityResponse> GetAuthority(GetAuthorityRequest request, ServerCallContext context) =>
        Task.FromResult(new GetAuthorityResponse { CaCertificatePem = Cluster().CaCertificatePem });

    public override Task<JoinResponse> Join(JoinRequest request, ServerCallContext context)
    {
        var cluster = Cluster();
        if (TokenCheck.RoleOf(request.Token, cluster) is not { } role)
        {
            refusals.Report(Caller.Of(context).Peer, "a wrong join token");
            throw new RpcException(new Status(StatusCode.Unauthenticated, "the token is not one of this cluster: see 'orc cluster info --tokens'"));
        }
        var authority = CertificateAuthority.FromPem(cluster.Id, cluster.CaCertificatePem, cluster.CaKeyPem);
        var id = NewId();
        var certificate = authority.Sign(request.CertificateRequest.ToByteArray(), role, id, time.GetUtcNow())
            ?? throw Refusals.Invalid("the certificate request is malformed: expected PKCS#10 in DER, signed by its own key");
        logger.LogInformation("{Role} {Id} ({Hostname}) got a certificate", Transport.RoleNames.Name(role), id, request.Hostname);
        return Task.FromResult(new JoinResponse
        {
            NodeId = id,
            CertificatePem = certificate,
            CaCertificatePem = cluster.CaCertificatePem,
            ServerAddresses = { cluster.Servers.Select(s => s.ApiAddress) },
            ClusterId = cluster.Id,
        });
    }

    public static string NewId() => Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(6));

    private Cluster Cluster() => store.State.Cluster ?? throw Refusals.Unavailable("this server knows no cluster yet: it is joining");
}
