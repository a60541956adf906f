using Orchestrator.Control.Certificates;
using Orchestrator.Control.Store;
using Orchestrator.Model;
using Orchestrator.Transport;

namespace Orchestrator.Control.Membership;

/// <summary>Begins a cluster: made on disk first, then committed as its first change.</summary>
internal static class Founding
{
    public static Cluster Create(ServerSettings settings, DateTimeOffset now)
    {
        var id = JoiningEndpoint.NewId();
        var authority = CertificateAuthority.Create(id, now);
        var server = JoinToken.Create(Role.Server, authority.Certificate);
        var agent = JoinToken.Create(Role.Agent, authority.Certificate);
        return new Cluster
        {
            Id = id,
            CaCertificatePem = authority.CertificatePem,
            CaKeyPem = authority.KeyPem,
            ServerToken = server.ToString(),
            AgentToken = agent.ToString(),
            ServerTokenHash = TokenCheck.Hash(server),
            AgentTokenHash = TokenCheck.Hash(agent),
            CreatedMs = now.ToUnixTimeMilliseconds(),
            Servers = { settings.Member(JoiningEndpoint.NewId()) },
        };
    }

    public static CertificateAuthority Authority(Cluster cluster) =>
        CertificateAuthority.FromPem(cluster.Id, cluster.CaCertificatePem, cluster.CaKeyPem);

    /// <summary>Repeats until it is committed.</summary>
    public static async Task CommitAsync(ReplicatedStore store, Proposals proposals, Cluster cluster, CancellationToken cancellation)
    {
        while (true)
        {
            await store.WaitForLeadershipAsync(cancellation);
            if (store.State.Cluster is not null)
                return;
            try
            {
                var result = await proposals.ProposeAsync(new Operation { PutCluster = cluster }, cluster.Id, cancellation);
                if (result.Refusal is { } refusal)
                    throw new ServerStartException(refusal.Message);
                return;
            }
            catch (Exception e) when (e is NotLeaderException or OutcomeUnknownException)
            {
                await Task.Delay(TimeSpan.FromMilliseconds(100), cancellation);
            }
        }
    }
}
