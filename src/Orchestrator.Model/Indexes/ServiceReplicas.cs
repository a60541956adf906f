using System.Collections.Immutable;

namespace Orchestrator.Model.Indexes;

/// <summary>The replicas of one service by slot.</summary>
public sealed class ServiceReplicas
{
    internal static ServiceReplicas None { get; } = new() { Slots = ImmutableSortedDictionary<int, SlotReplicas>.Empty };

    public required ImmutableSortedDictionary<int, SlotReplicas> Slots { get; init; }

    public IEnumerable<Replica> All => Slots.Values.SelectMany(s => s.All);

    public SlotReplicas Slot(int slot) => Slots.GetValueOrDefault(slot, SlotReplicas.None);

    internal ServiceReplicas Put(Replica replica) => new() { Slots = Slots.SetItem(replica.Slot, Slot(replica.Slot).Put(replica)) };

    internal ServiceReplicas Remove(Replica replica)
    {
        var slot = Slot(replica.Slot).Remove(replica.Id);
        return new() { Slots = slot.All.IsEmpty ? Slots.Remove(replica.Slot) : Slots.SetItem(replica.Slot, slot) };
    }
}
