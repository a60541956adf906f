using System.Collections.Immutable;

namespace Orchestrator.Model.Indexes;

/// <summary>The replicas of one slot, oldest first. Few: one or two live ones and a short history.</summary>
public sealed class SlotReplicas
{
    internal static SlotReplicas None { get; } = new([]);

    private SlotReplicas(ImmutableArray<Replica> all) => All = all;

    public ImmutableArray<Replica> All { get; }

    public Replica? Newest => All.IsEmpty ? null : All[^1];

    internal SlotReplicas Put(Replica replica)
    {
        for (var i = All.Length - 1; i >= 0; i--)
            if (All[i].Id == replica.Id)
                return new(All.SetItem(i, replica));
        var at = All.Length;
        while (at > 0 && IsOlder(replica, All[at - 1]))
            at--;
        return new(All.Insert(at, replica));
    }

    internal SlotReplicas Remove(string replicaId) => new(All.RemoveAll(r => r.Id == replicaId));

    private static bool IsOlder(Replica a, Replica b) =>
        a.CreatedRevision != b.CreatedRevision ? a.CreatedRevision < b.CreatedRevision : string.CompareOrdinal(a.Id, b.Id) < 0;
}
