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
        var rest = All.TryGetValue(replica.Id, out var old) ? Counted(old, -1) : this;
        return rest.With(All.SetItem(replica.Id, replica)).Counted(replica, 1);
    }

    internal NodeReplicas Remove(Replica replica) => Counted(replica, -1).With(All.Remove(replica.Id));

    private NodeReplicas With(ImmutableSortedDictionary<string, Replica> all) => new()
    {
        All = all,
        Live = Live,
        ReservedNanoCpus = ReservedNanoCpus,
        ReservedMemoryBytes = ReservedMemoryBytes,
    };

    private NodeReplicas Counted(Replica replica, int times) => !replica.IsLive() ? this : new()
    {
        All = All,
        Live = Live + times,
        ReservedNanoCpus = ReservedNanoCpus + times * (replica.Spec.Reservations?.NanoCpus ?? 0),
        ReservedMemoryBytes = ReservedMemoryBytes + times * (replica.Spec.Reservations?.MemoryBytes ?? 0),
    };
}
