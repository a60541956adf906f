using Orchestrator.Model.Indexes;

namespace Orchestrator.Model.Reconciling;

/// <summary>Brings one service to what its spec asks. Slots count from 1 to replicas; each has one replica, and during a move or a replacement
/// also the one that leaves.</summary>
internal sealed class ServiceRound(Round round, Service service)
{
    /// <summary>Ended replicas kept in each slot, for people to look at.</summary>
    public const int HistoryMax = 2;

    private const long ProofWithoutCheckMs = 1000;

    private readonly List<SlotView> _views = [];
    private readonly List<(SlotView View, Replica Old)> _outdated = [];
    private bool _halted;
    private bool _updating;
    private string? _waitsFor;

    public void Run()
    {
        var asked = service.Removing ? 0 : service.Spec.Replicas;
        var replicas = round.State.ReplicasOf(service.Id);
        var left = replicas.Unsettled.Where(slot => slot > asked).Sum(slot => Retire(View(replicas, slot)));
        if (service.Removing && left == 0)
            round.Reap(service);
        _views.AddRange(replicas.Unsettled.Where(slot => slot <= asked).Concat(replicas.Missing(asked)).Select(slot => View(replicas, slot)));
        if (_views.Exists(IsMixed))
            _views.AddRange(replicas.Slots.Keys.Where(slot => slot <= asked && !replicas.Unsettled.Contains(slot)).Select(slot => View(replicas, slot)));
        _halted = _views.Exists(IsFailing);
        _updating = _views.Exists(v => v.Up.Exists(r => !IsCurrent(r)));
        _waitsFor = StartCondition.WaitsFor(round.State, service);
        foreach (var view in _views)
            Visit(view);
        ReplaceNext();
    }

    private SlotView View(ServiceReplicas replicas, int slot) => new(round, slot, replicas.Slot(slot));

    /// <summary>An old spec is involved: what to do depends on how the other slots are.</summary>
    private bool IsMixed(SlotView view) => view.Up.Exists(r => !IsCurrent(r)) || view.Ended.LastOrDefault() is { } last && !IsCurrent(last);

    /// <summary>The slot is not asked for (any more): all its replicas go, and their records once they ended.</summary>
    private static int Retire(SlotView view)
    {
        foreach (var replica in view.Up.ToList())
            view.Shut(replica);
        view.RemoveEnded(keep: 0);
        return view.Going.Count;
    }

    private void Visit(SlotView view)
    {
        view.RemoveEnded(HistoryMax);
        var keeper = KeepBest(view, view.Up.Where(r => IsCurrent(r) && !MustMove(r)));
        if (keeper is null)
        {
            VisitOutdated(view);
            return;
        }
        foreach (var other in view.Up.Where(r => r != keeper && (keeper.IsServing() || !r.IsServing())).ToList())
            view.Shut(other);
        view.IsGood = view.Up.Exists(r => r.IsServing());
        if (!keeper.IsPlaced())
            Start(new(service, keeper, IsNew: false, Leaving(view)), view);
    }

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
        else if (_halted)
            StartIfUnplaced(view, old);
        else
            Renew(view, old);
    }

    private void Move(SlotView view, Replica old)
    {
        if (!view.IsGood)
            view.Shut(old);
        Refill(view, old);
    }

    private void StartIfUnplaced(SlotView view, Replica old)
    {
        if (!old.IsPlaced())
            Start(new(service, old, IsNew: false, []), view);
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
        var restores = _halted && last is not null && !IsCurrent(last);
        var decision = last is null || (!IsCurrent(last) && !restores) ? RestartDecision.AtOnce(0) : RestartRule.After(last, service.Spec.Restart);
        if (!decision.Restart)
        {
            round.Message(last!, decision.Message);
            view.IsGood = view.IsGood || !RestartRule.IsFailure(last!, service.Spec.Restart);
            return;
        }
        Start(new(service, NewReplica(view.Number, decision, restores ? last : null), IsNew: true, Leaving(view)), view);
    }

    private Replica NewReplica(int slot, RestartDecision decision, Replica? restored) => new()
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

    private void Start(Wanted wanted, SlotView view)
    {
        var replica = wanted.Replica;
        if (replica.NotBeforeMs > round.NowMs)
        {
            round.WakeAt(replica.NotBeforeMs);
            round.Hold(wanted, replica.Message);
        }
        else if (_waitsFor is not null && IsFirstStart(view, replica))
            round.Hold(wanted, _waitsFor);
        else
            round.Place(wanted);
    }

    // Start conditions are for starting: what ran before comes back at once.
    private static bool IsFirstStart(SlotView view, Replica replica) =>
        !view.Ended.Concat(view.Up).Any(r => r.SpecRevision == replica.SpecRevision && r.Observed.StartedMs > 0);

    /// <summary>Rolling replacement, one at a time: the next running replica of the old spec stops only when nothing is missing anywhere in the service.</summary>
    private void ReplaceNext()
    {
        if (_outdated.Count == 0 || _waitsFor is not null || !_views.TrueForAll(v => v.IsGood) || HasUnproven())
            return;
        var (view, old) = _outdated.MinBy(o => o.View.Number);
        view.Shut(old);
    }

    /// <summary>A replica of the new spec without a health check proves itself by not ending at once; one that follows a failed one by a good run.
    /// Until then the update does not go on.</summary>
    private bool HasUnproven()
    {
        var provenMs = round.State.ReplicasOf(service.Id).All.Where(r => r.IsLive() && IsCurrent(r))
            .Select(r => r.RunningMs + ProofMs(r)).DefaultIfEmpty(0).Max();
        if (provenMs <= round.NowMs)
            return false;
        round.WakeAt(provenMs);
        return true;
    }

    private long ProofMs(Replica replica)
    {
        if (replica.FailuresInRow > 0)
            return RestartRule.Window(service.Spec.Restart);
        return replica.Observed.Health == Health.Healthy ? 0 : ProofWithoutCheckMs;
    }

    private bool IsFailing(SlotView view)
    {
        if (view.Up.LastOrDefault(IsCurrent) is { } up)
            return up.FailuresInRow > 0 && !up.IsServing();
        return view.Going.Count == 0 && view.Ended.LastOrDefault() is { } last && IsCurrent(last)
            && (last.State() == ReplicaState.Orphaned || last.IsLive() ? last.FailuresInRow > 0 : RestartRule.IsFailure(last, service.Spec.Restart));
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
        NodeRules.MustMove(replica, round.State.Nodes.GetValueOrDefault(replica.NodeId), service, round.State.Cluster);
}
