using System.Collections.Immutable;
using Orchestrator.Model.Reconciling;

namespace Orchestrator.Model.Indexes;

/// <summary>The replicas of one service by slot.</summary>
public sealed class ServiceReplicas
{
    internal static ServiceReplicas None { get; } = new(ImmutableSortedDictionary<int, SlotReplicas>.Empty, []);

    private ServiceReplicas(ImmutableSortedDictionary<int, SlotReplicas> slots, ImmutableSortedSet<int> unsettled) =>
        (Slots, Unsettled) = (slots, unsettled);

    public ImmutableSortedDictionary<int, SlotReplicas> Slots { get; }

    public IEnumerable<Replica> All => Slots.Values.SelectMany(s => s.All);

    /// <summary>Slots at which the reconciler must look: what follows from the state alone, remembered here so that it need not look at the others.</summary>
    internal ImmutableSortedSet<int> Unsettled { get; }

    public SlotReplicas Slot(int slot) => Slots.GetValueOrDefault(slot, SlotReplicas.None);

    /// <summary>Nothing is to be done for the service. Settled slots are within the asked number, so their count tells.</summary>
    internal bool IsSettled(Service service, AskedSlots asked) =>
        !service.Removing && !service.IsUnderWay() && Unsettled.IsEmpty && Slots.Count == asked.Count;

    internal ServiceReplicas Put(Replica replica) => new(Slots.SetItem(replica.Slot, Slot(replica.Slot).Put(replica)), Unsettled);

    internal ServiceReplicas Remove(Replica replica)
    {
        var slot = Slot(replica.Slot).Remove(replica.Id);
        return slot.All.IsEmpty
            ? new(Slots.Remove(replica.Slot), Unsettled.Remove(replica.Slot))
            : new(Slots.SetItem(replica.Slot, slot), Unsettled);
    }

    internal ServiceReplicas Settle(int slot, bool settled) =>
        settled != Unsettled.Contains(slot) ? this : new(Slots, settled ? Unsettled.Remove(slot) : Unsettled.Add(slot));
}
