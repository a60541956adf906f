using System.Collections.Immutable;
using Orchestrator.Model.Indexes;

namespace Orchestrator.Model.Reconciling;

/// <summary>Brings one service to what its spec asks. Each slot that is asked for has one replica, and during a move or a replacement
/// also the one that leaves.</summary>
internal sealed class ServiceRound(Round round, Service service, bool isRolledBack = false)
{
    /// <summary>Ended replicas kept in each slot, for people to look at.</summary>
    public const int HistoryMax = 2;

    private readonly AskedSlots _asked = AskedSlots.Of(round.State, service);
    private readonly List<SlotView> _views = [];
    private readonly List<(SlotView View, Replica Old)> _outdated = [];
    private RolloutProgress _rollout = null!;
    private bool _updating;
    private string? _waitsFor;

    public void Run()
    {
        var replicas = round.State.ReplicasOf(service.Id);
        Look(replicas);
        _rollout = new(round, service, _asked, _views);
        if (_rollout.ReasonToRollBack() is { } reason)
        {
            new ServiceRound(round, round.RollBack(service, reason), isRolledBack: true).Run();
            return;
        }
        var left = Unsettled(replicas).Where(slot => !_asked.Contains(slot)).Sum(slot => Retire(View(replicas, slot)));
        if (service.Removing && left == 0)
            round.Reap(service);
        if (!service.Removing)
            BringToSpec();
    }

    private void BringToSpec()
    {
        _updating = _views.Exists(v => v.Up.Exists(r => !IsCurrent(r)));
        _waitsFor = StartCondition.WaitsFor(round.State, service, ImmutableHashSet<string>.Empty);
        foreach (var view in _views)
            Visit(view);
        ReplaceNext();
        _rollout.Report(_views, _outdated.Count > 0 && !service.IsRollback() ? _waitsFor : null);
    }

    /// <summary>Slots at which there is something to do; all of them when an earlier spec is involved, as then one depends on the others.</summary>
    private void Look(ServiceReplicas replicas)
    {
        _views.AddRange(Unsettled(replicas).Where(_asked.Contains).Concat(_asked.MissingFrom(replicas, Unsettled(replicas))).Select(slot => View(replicas, slot)));
        if (!isRolledBack && ((service.IsUnderWay() && service.History.Count > 0) || _views.Exists(IsMixed)))
            _views.AddRange(replicas.Slots.Keys.Where(slot => _asked.Contains(slot) && !replicas.Unsettled.Contains(slot)).Select(slot => View(replicas, slot)));
    }

    // What is remembered of the slots is remembered of the spec that the state holds.
    private IEnumerable<int> Unsettled(ServiceReplicas replicas) => isRolledBack ? replicas.Slots.Keys : replicas.Unsettled;

    private SlotView View(ServiceReplicas replicas, int slot) => new(round, slot, replicas.Slot(slot));

    private bool IsMixed(SlotView view) => view.Up.Exists(r => !IsCurrent(r)) || view.Ended.LastOrDefault() is { } last && !IsCurrent(last);

    /// <summary>The slot is not asked for (any more): all its replicas go, and their records once they ended.</summary>
    private int Retire(SlotView view)
    {
        foreach (var replica in view.Up.ToList())
            view.Shut(replica);
        view.RemoveEnded(keep: HasDoneItsWork(view) ? 1 : 0);
        return view.Going.Count;
    }

    // A node that was away for a moment does not do a job twice.
    private bool HasDoneItsWork(SlotView view) =>
        service is { Removing: false, Spec.Mode: ServiceMode.Global } && view.Ended.LastOrDefault() is { } last && IsCurrent(last)
        && last.State() == ReplicaState.Complete && !RestartRule.IsFailure(last, service.Spec.Restart)
        && round.State.Nodes.Values.Any(n => AskedSlots.SlotOf(n) == view.Number);

    private void Visit(SlotView view)
    {
        view.RemoveEnded(HistoryMax);
        var staying = view.Up.Where(r => !MustMove(r)).ToList();
        var keeper = KeepBest(view, staying.Where(IsCurrent)) ?? (_rollout.HoldsBack(view) ? KeepBest(view, staying) : null);
        if (keeper is null)
        {
            VisitOutdated(view);
            return;
        }
        foreach (var other in view.Up.Where(r => r != keeper && (CanGo(r, keeper) || !r.IsServing())).ToList())
            view.Shut(other);
        view.IsGood = view.Up.Exists(r => r.IsServing());
        if (!keeper.IsPlaced())
            Start(WantedOf(view, keeper, isNew: false, Leaving(view)));
        if (view.IsGood && !IsCurrent(keeper))
            _outdated.Add((view, keeper));
    }

    // Start-first keeps one of an earlier spec until its successor has proved itself: what crashes at once was running for a moment.
    private bool CanGo(Replica other, Replica keeper) =>
        keeper.IsServing() && (IsCurrent(other) || other.SpecRevision == keeper.SpecRevision || _rollout.Order != RolloutOrder.StartFirst || _rollout.IsProven(keeper));

    /// <summary>No replica of the slot is as it should be: those that are up run an old spec or must leave their node.</summary>
    private void VisitOutdated(SlotView view)
    {
        var old = KeepBest(view, view.Up);
        view.IsGood = old?.IsServing() == true;
        if (old is null)
            Refill(view, null);
        else if (MustMove(old))
            Move(view, old);
        else if (view.IsGood)
            _outdated.Add((view, old));
        else
            Renew(view, old);
    }

    private void Move(SlotView view, Replica old)
    {
        if (!view.IsGood)
            view.Shut(old);
        Refill(view, old);
    }

    private void Renew(SlotView view, Replica old)
    {
        view.Shut(old);
        Refill(view, null);
    }

    /// <summary>A new replica for the slot, if the old one is gone (or stays until the new one serves) and the restart policy agrees.</summary>
    private void Refill(SlotView view, Replica? leaving)
    {
        if (leaving is null && view.Going.Count > 0)
            return;
        var last = view.Ended.LastOrDefault(e => leaving is null || e.CreatedRevision > leaving.CreatedRevision);
        var restored = Restored(view, leaving is not null && MustMove(leaving) ? leaving : last);
        var decision = last is null || (!IsCurrent(last) && restored is null) ? RestartDecision.AtOnce(Unproven(leaving)) : RestartRule.After(last, service.Spec.Restart);
        if (!decision.Restart)
        {
            round.Message(last!, decision.Message);
            view.IsGood = view.IsGood || !RestartRule.IsFailure(last!, service.Spec.Restart);
            // A node must be emptied even when nothing follows.
            foreach (var replica in Leaving(view))
                view.Shut(replica);
            return;
        }
        Start(WantedOf(view, NewReplica(view, decision, restored), isNew: true, Leaving(view)));
    }

    /// <summary>What the next replica is a copy of: one of an earlier spec, as long as the rollout does not go on here. A slot that tells of the trouble goes
    /// on telling.</summary>
    private Replica? Restored(SlotView view, Replica? source) =>
        source is not null && !IsCurrent(source) && _rollout.HoldsBack(view) && !_rollout.IsTroubled(view) ? source : null;

    // Another node is no proof.
    private int Unproven(Replica? leaving) => leaving is not null && IsCurrent(leaving) && !_rollout.IsProven(leaving) ? leaving.FailuresInRow : 0;

    private Replica NewReplica(SlotView view, RestartDecision decision, Replica? restored)
    {
        if (restored is null)
            _rollout.Begin(view);
        return view.Successor = Made(view.Number, decision, restored);
    }

    private Replica Made(int slot, RestartDecision decision, Replica? restored) => new()
    {
        Id = round.NewId(service.Id, slot),
        ServiceId = service.Id,
        Slot = slot,
        SpecRevision = restored?.SpecRevision ?? service.SpecRevision,
        Spec = restored?.Spec ?? service.Spec,
        NotBeforeMs = decision.DelayMs > 0 ? round.NowMs + decision.DelayMs : 0,
        FailuresInRow = decision.FailuresInRow,
        Message = decision.DelayMs > 0 ? decision.Message + (_updating && restored is null ? "; the update stops here until it runs" : "") : "",
    };

    private Wanted WantedOf(SlotView view, Replica replica, bool isNew, IReadOnlyList<Replica> predecessors) =>
        new(service, replica, isNew, IsFirstStart(view, replica), _asked.NodeOf(view.Number), predecessors);

    private void Start(Wanted wanted)
    {
        if (wanted.Replica.NotBeforeMs > round.NowMs)
        {
            round.WakeAt(wanted.Replica.NotBeforeMs);
            round.Hold(wanted, wanted.Replica.Message);
        }
        else
            round.Place(wanted);
    }

    // Start conditions are for starting: what ran before comes back at once.
    private static bool IsFirstStart(SlotView view, Replica replica) =>
        !view.Ended.Concat(view.Up).Any(r => r.SpecRevision == replica.SpecRevision && r.Observed.StartedMs > 0);

    /// <summary>Rolling replacement: the next replicas of an earlier spec make room, or get a successor beside them.</summary>
    private void ReplaceNext()
    {
        if (_outdated.Count == 0 || (_waitsFor is not null && !service.IsRollback()))
            return;
        // A successor that failed beside the old replica is tried again as its restart policy says.
        foreach (var (view, old) in _outdated.Where(o => _rollout.IsTroubled(o.View)))
            Refill(view, old);
        var next = _outdated.Where(o => !_rollout.IsTroubled(o.View)).OrderBy(o => o.View.Number).ToList();
        foreach (var (view, old) in next.Take(Math.Max(0, _rollout.Budget(_views))))
            Replace(view, old);
    }

    private void Replace(SlotView view, Replica old)
    {
        if (_rollout.Order == RolloutOrder.StartFirst)
            Refill(view, old);
        else
            view.Shut(old);
    }

    private static Replica? KeepBest(SlotView view, IEnumerable<Replica> alike)
    {
        var best = alike.OrderByDescending(r => r.IsServing()).ThenByDescending(r => r.State()).ToList();
        foreach (var surplus in best.Skip(1))
            view.Shut(surplus);
        return best.FirstOrDefault();
    }

    private List<Replica> Leaving(SlotView view) => view.Up.Where(MustMove).ToList();

    private bool IsCurrent(Replica replica) => replica.SpecRevision == service.SpecRevision;

    private bool MustMove(Replica replica) =>
        (replica.IsPlaced() && _asked.NodeOf(replica.Slot) is { } only && only.Id != replica.NodeId)
        || NodeRules.MustMove(replica, round.State.Nodes.GetValueOrDefault(replica.NodeId), service, round.State.Cluster);
}
