using Orchestrator.Model;
using Orchestrator.Model.Endpoints;

namespace Orchestrator.Control.Dispatching;

/// <summary>
/// One state as agents need it, computed once for all sessions. What did not change since the view before is the same object, so that a
/// session compares references and a change costs each session only what concerns it.
/// </summary>
public sealed class ClusterView
{
    private ClusterView(ClusterState state, ClusterView? before)
    {
        State = state;
        var same = before is not null && ReferenceEquals(state.Networks, before.State.Networks);
        Networks = same ? before!.Networks : [.. state.Networks.Values];
        Peers = Keep(before?.Peers, [.. state.Nodes.Values.Select(PeerOf)]);
        Endpoints = EndpointsOf(state, before);
    }

    public ClusterState State { get; }
    public IReadOnlyList<Network> Networks { get; }
    public IReadOnlyList<Peer> Peers { get; }
    public IReadOnlyDictionary<string, ServiceEndpoint> Endpoints { get; }

    public static ClusterView Of(ClusterState state, ClusterView? before = null) => new(state, before);

    private static Peer PeerOf(Node node) => new() { NodeId = node.Id, Address = node.Description?.Address ?? "", Block = node.Block };

    private static IReadOnlyList<T> Keep<T>(IReadOnlyList<T>? before, IReadOnlyList<T> now) =>
        before is not null && before.SequenceEqual(now) ? before : now;

    private static IReadOnlyDictionary<string, ServiceEndpoint> EndpointsOf(ClusterState state, ClusterView? before)
    {
        if (before is not null && ReferenceEquals(state.Services, before.State.Services) && ReferenceEquals(state.Replicas, before.State.Replicas)
            && ReferenceEquals(state.Nodes, before.State.Nodes) && ReferenceEquals(state.Networks, before.State.Networks))
            return before.Endpoints;
        return EndpointView.Compute(state).ToDictionary(
            endpoint => endpoint.ServiceId,
            endpoint => before?.Endpoints.GetValueOrDefault(endpoint.ServiceId) is { } known && known.Equals(endpoint) ? known : endpoint);
    }
}
