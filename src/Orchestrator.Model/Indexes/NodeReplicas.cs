using System.Collections.Immutable;

namespace Orchestrator.Model.Indexes;

/// <summary>The replicas placed on one node, and the sums over those that have not ended.</summary>
public sealed class NodeReplicas
{
    internal static NodeReplicas None { get; } = new() { All = ClusterState.ById<Replica>() };

    public required ImmutableSortedDictionary<string, Replica> All { get; init; }

    public int Live { get; private init; }

    public long ReservedNanoCpus { get; private init; }

    public long ReservedMemoryBytes { get; private init; }

    internal NodeReplicas Put(Replica replica)
    {
        var all = All.SetItem(replica.Id, replica);
        return All.TryGetValue(replica.Id, out var old) ? With(all, old, -1).With(all, replica, 1) : With(all, replica, 1);
    }

    internal NodeReplicas Remove(Replica replica) => With(All.Remove(replica.Id), replica, -1);

    private NodeReplicas With(ImmutableSortedDictionary<string, Replica> all, Replica replica, int times)
    {
        var counted = replica.IsLive() ? times : 0;
        return new()
        {
            All = all,
            Live = Live + counted,
            ReservedNanoCpus = ReservedNanoCpus + counted * (replica.Spec.Reservations?.NanoCpus ?? 0),
            ReservedMemoryBytes = ReservedMemoryBytes + counted * (replica.Spec.Reservations?.MemoryBytes ?? 0),
        };
    }
}
