using System.Reflection;
using Orchestrator.Control.Store;
using Orchestrator.Model;

namespace Orchestrator.Control.Api;

/// <summary>Answered by every server from its own state: it is what one looks at when there is no leader.</summary>
internal sealed class ClusterInfo(ReplicatedStore store, string serverId)
{
    public static string Version { get; } =
        typeof(ClusterInfo).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()!.InformationalVersion.Split('+')[0];

    public GetClusterInfoResponse Get(GetClusterInfoRequest request)
    {
        var state = store.State;
        var leader = store.LeaderRaftAddress;
        var cluster = state.Cluster ?? throw Refusals.Unavailable("this server knows no cluster yet: it is joining");
        return new GetClusterInfoResponse
        {
            Id = cluster.Id,
            Servers = { cluster.Servers },
            LeaderId = cluster.Servers.FirstOrDefault(s => s.RaftAddress == leader)?.Id ?? "",
            Term = store.Term,
            Revision = state.Revision,
            AnsweredBy = serverId,
            ServerToken = request.Tokens ? cluster.ServerToken : "",
            AgentToken = request.Tokens ? cluster.AgentToken : "",
            NodesReady = state.Nodes.Values.Count(n => n.Status == NodeStatus.NodeReady),
            NodesTotal = state.Nodes.Count,
            Version = Version,
            Digest = Convert.ToHexStringLower(state.Digest()),
        };
    }
}
