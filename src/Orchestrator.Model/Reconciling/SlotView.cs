using Orchestrator.Model.Indexes;

namespace Orchestrator.Model.Reconciling;

/// <summary>The replicas of one slot during a round, oldest first. A replica whose node is lost counts as ended from here on.</summary>
internal sealed class SlotView
{
    private readonly Round _round;

    public SlotView(Round round, int number, SlotReplicas replicas)
    {
        _round = round;
        Number = number;
        foreach (var replica in replicas.All)
            ListOf(replica).Add(replica);
        foreach (var lost in Ended.Where(r => r.IsLive()))
            round.Orphan(lost);
    }

    public int Number { get; }

    public List<Replica> Ended { get; } = [];

    /// <summary>Asked to stop, not yet ended.</summary>
    public List<Replica> Going { get; } = [];

    /// <summary>Desired running and not ended.</summary>
    public List<Replica> Up { get; } = [];

    /// <summary>Made for the slot in this round.</summary>
    public Replica? Successor { get; set; }

    /// <summary>Nothing is missing here: it serves, or has done its work for good.</summary>
    public bool IsGood { get; set; }

    /// <summary>Asks the replica to stop. One that no agent holds is gone at once.</summary>
    public void Shut(Replica replica)
    {
        _round.Shut(replica);
        Up.Remove(replica);
        if (replica.IsPlaced())
            Going.Add(replica);
        else
            _round.Remove(replica);
    }

    public void RemoveEnded(int keep)
    {
        foreach (var old in Ended.SkipLast(keep))
            _round.Remove(old);
        Ended.RemoveRange(0, Math.Max(0, Ended.Count - keep));
    }

    private List<Replica> ListOf(Replica replica)
    {
        if (!replica.IsLive() || NodeRules.IsLost(replica, _round.State.Nodes.GetValueOrDefault(replica.NodeId)))
            return Ended;
        return replica.Desired == DesiredState.DesiredShutdown ? Going : Up;
    }
}
