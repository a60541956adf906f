using Orchestrator.Control.Store;
using Orchestrator.Model;

namespace Orchestrator.Control.Api;

internal sealed class Nodes(ReplicatedStore store, Proposals proposals)
{
    public static ListNodesResponse List(ClusterState state) => new() { Nodes = { state.Nodes.Values } };

    public async Task<UpdateNodeResponse> UpdateAsync(UpdateNodeRequest request, CancellationToken cancellation)
    {
        await store.ReadBarrierAsync(cancellation);
        var node = Lookup.Node(store.State, request.Node);
        var update = new UpdateNode { NodeId = node.Id, SetLabels = { request.SetLabels }, RemoveLabels = { request.RemoveLabels } };
        if (request.HasAvailability)
            update.Availability = request.Availability;
        var result = await proposals.ProposeAsync(new Operation { UpdateNode = update }, "", cancellation);
        return result.Refusal is null ? new UpdateNodeResponse { Node = store.State.Nodes[node.Id] } : throw Refusals.Of(result.Refusal);
    }

    public async Task<RemoveNodeResponse> RemoveAsync(RemoveNodeRequest request, CancellationToken cancellation)
    {
        await store.ReadBarrierAsync(cancellation);
        var node = Lookup.Node(store.State, request.Node);
        // A live agent would only register again.
        if (node.Status == NodeStatus.NodeReady)
            throw Refusals.Precondition($"node {node.Hostname} is ready: drain it, stop its agent, and remove it when it is down");
        var result = await proposals.ProposeAsync(new Operation { RemoveNode = new RemoveNode { NodeId = node.Id } }, "", cancellation);
        return result.Refusal is null ? new RemoveNodeResponse() : throw Refusals.Of(result.Refusal);
    }
}
