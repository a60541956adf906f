using Microsoft.Extensions.Logging;
using Orchestrator.Control.Dispatching;
using Orchestrator.Control.Store;
using Orchestrator.Model;

namespace Orchestrator.Control.Leading;

/// <summary>Turns silence and heartbeats into node statuses.</summary>
internal sealed class LivenessLoop(ReplicatedStore store, LeaderProposals proposals, Heartbeats heartbeats, TimeProvider time, ILogger logger)
{
    internal static readonly TimeSpan LookPeriod = TimeSpan.FromMilliseconds(200);

    public async Task RunAsync(CancellationToken cancellation)
    {
        while (true)
        {
            var state = store.State;
            var (silent, alive) = heartbeats.Look(state.Nodes.Keys);
            var changes = Changes(state, silent, alive);
            foreach (var change in changes)
                logger.LogInformation("node {Hostname} ({NodeId}) is {Status}", state.Nodes[change.NodeId].Hostname, change.NodeId, Word(change.Status));
            if (changes.Count > 0)
                await proposals.ProposeAsync([.. changes.Select(change => new Operation { SetNodeStatus = change })], cancellation);
            await Task.Delay(LookPeriod, time, cancellation);
        }
    }

    /// <summary>What silence and heartbeats mean for the nodes' statuses.</summary>
    internal static IReadOnlyList<NodeStatusChange> Changes(ClusterState state, IReadOnlyList<string> silent, IReadOnlyList<string> alive)
    {
        NodeStatusChange? To(string id, NodeStatus status) =>
            state.Nodes.TryGetValue(id, out var node) && node.Status != status ? new NodeStatusChange { NodeId = id, Status = status } : null;
        return [.. silent.Select(id => To(id, NodeStatus.NodeDown)).Concat(alive.Select(id => To(id, NodeStatus.NodeReady))).OfType<NodeStatusChange>()];
    }

    private static string Word(NodeStatus status) => status == NodeStatus.NodeReady ? "ready" : "down";
}
