using System.Globalization;
using Orchestrator.Model.Applying;

namespace Orchestrator.Model.Reconciling;

/// <summary>How far a service is with the rollout of its spec: judged anew from its replicas in every round.</summary>
internal sealed class RolloutProgress
{
    private const long ProofWithoutCheckMs = 1000;
    private const long DeadlineMs = 600_000;
    private const int Millionths = 1_000_000;

    private readonly Round _round;
    private readonly Service _service;
    private readonly RolloutPolicy _policy;
    private readonly HashSet<SlotView> _troubled;
    private readonly int _slots;
    private readonly AskedSlots _asked;
    private int _canariesLeft;

    /// <param name="round">The round.</param>
    /// <param name="service">The service.</param>
    /// <param name="asked">Its slots that are asked for.</param>
    /// <param name="views">All its slots that are asked for, or, where nothing earlier runs, those at which there is something to do.</param>
    public RolloutProgress(Round round, Service service, AskedSlots asked, List<SlotView> views)
    {
        (_round, _service, _asked, _slots) = (round, service, asked, views.Count);
        _policy = (service.IsRollback() ? service.Spec.Rollback : service.Spec.Update) ?? new();
        _troubled = views.FindAll(IsTroubled).ToHashSet();
        IsHalted = AreTooMany(_troubled);
        _canariesLeft = IsCanary ? _policy.Canary - views.Count(HasBegun) : int.MaxValue;
        IsLate = IsJudged && service.Rollout?.State != RolloutState.RolloutCanary && IsOverdue(views);
    }

    public RolloutOrder Order => _policy.Order;

    /// <summary>No further replica of the current spec is made in this slot: what it lacks comes back as it was.</summary>
    public bool HoldsBack(SlotView view) => IsStopped || (_canariesLeft <= 0 && !HasBegun(view));

    /// <summary>A replica of the current spec is made in this slot.</summary>
    public void Begin(SlotView view) => _canariesLeft -= HasBegun(view) ? 0 : 1;

    private bool IsStopped => IsHalted || (IsLate && _policy.FailureAction != FailureAction.Continue) || _service.Rollout?.Held == true;

    /// <summary>More slots fail than may.</summary>
    private bool IsHalted { get; }

    /// <summary>Some slot is begun and not done, and none was done within the deadline.</summary>
    private bool IsLate { get; }

    // The first version has nothing to go back to: its replicas just go on trying.
    private bool IsJudged => !_service.Removing && _service.IsUnderWay() && _service.History.Count > 0 && !_service.Rollout.Held;

    private long Deadline => _policy.ProgressDeadlineMs > 0 ? _policy.ProgressDeadlineMs : DeadlineMs;

    /// <summary>Why the rollout is to be undone; null when it is not.</summary>
    public string? ReasonToRollBack() =>
        IsJudged && (IsHalted || IsLate) && _policy.FailureAction == FailureAction.Rollback && !_service.IsRollback()
        && Rollouts.LastGood(_service) is { } good && Obstacle(good) is null
            ? Reason(_troubled)
            : null;

    /// <summary>A replica of the current spec failed here and none has proved itself since.</summary>
    public bool IsTroubled(SlotView view)
    {
        var newest = Newest(view);
        // Made in this round, or on its way out: it cannot have proved itself.
        if (newest is not null && IsCurrent(newest) && (newest == view.Successor || view.Going.Contains(newest)))
            return newest.FailuresInRow > 0;
        if (view.Up.LastOrDefault(IsCurrent) is { } up && (up == newest || newest is null || !IsCurrent(newest)))
            return up.FailuresInRow > 0 && !(up.IsServing() && IsProven(up));
        return newest is not null && IsCurrent(newest) && view.Ended.Contains(newest)
            && (newest.State() == ReplicaState.Orphaned || newest.IsLive() ? newest.FailuresInRow > 0 : RestartRule.IsFailure(newest, _service.Spec.Restart));
    }

    /// <summary>A replica of the current spec proves itself by its health check, by a second without ending, or, after a failure, by a good run.</summary>
    public bool IsProven(Replica replica) => replica.RunningMs > 0 && RoundIsPast(ProvenMs(replica));

    /// <summary>How many more slots may be replaced now.</summary>
    /// <param name="views">After they were visited.</param>
    public int Budget(List<SlotView> views)
    {
        if (IsStopped)
            return 0;
        var busy = views.Count(v => !_troubled.Contains(v) && IsBusy(v));
        var most = !_policy.HasParallelism ? 1 : _policy.Parallelism == 0 ? int.MaxValue : _policy.Parallelism;
        return Math.Min(most - busy, _canariesLeft);
    }

    /// <summary>Proposes the state that the rollout has come to, when it is another one.</summary>
    /// <param name="views">After they were visited.</param>
    /// <param name="waitsFor">What replicas of an earlier spec wait for before they are replaced; null: nothing.</param>
    public void Report(List<SlotView> views, string? waitsFor)
    {
        if (!_service.IsUnderWay())
            return;
        var (state, message) = Judge(views, waitsFor);
        if (state != _service.Rollout.State || (state == RolloutState.RolloutRunning && !_service.IsRollback() && message != _service.Rollout.Message))
            _round.SetRollout(_service, state, message);
    }

    private long ProvenMs(Replica replica)
    {
        if (replica.FailuresInRow > 0)
            return replica.RunningMs + Math.Max(_policy.MonitorMs, RestartRule.Window(_service.Spec.Restart));
        return replica.RunningMs + (_policy.MonitorMs > 0 ? _policy.MonitorMs : replica.Observed.Health == Health.Healthy ? 0 : ProofWithoutCheckMs);
    }

    private (RolloutState, string) Judge(List<SlotView> views, string? waitsFor)
    {
        if (IsComplete(views))
            return (RolloutState.RolloutComplete, "");
        // What was shut in this round does not hide any more how its predecessor ended.
        var troubled = views.FindAll(IsTroubled);
        if (IsJudged && (AreTooMany(troubled) || (IsLate && _policy.FailureAction != FailureAction.Continue)))
            return (RolloutState.RolloutPaused, Reason(troubled) + WhyNotBack());
        if (IsCanary && !IsHalted && (_service.Rollout.State == RolloutState.RolloutCanary || HasCanaries(views)))
            return (RolloutState.RolloutCanary, string.Create(CultureInfo.InvariantCulture, $"{_policy.Canary} of {_slots} replicas run version {_service.Version}"));
        return (RolloutState.RolloutRunning, waitsFor ?? "");
    }

    private string WhyNotBack()
    {
        if (_policy.FailureAction != FailureAction.Rollback || _service.IsRollback())
            return "";
        return Rollouts.LastGood(_service) is { } good ? $"; not rolled back: {Obstacle(good)}" : "; not rolled back: no earlier version was ever complete";
    }

    private bool IsCanary => _policy.Canary > 0 && _service.Rollout is { Promoted: false, RolledBack: 0 } && _service.History.Count > 0;

    private bool HasCanaries(List<SlotView> views) =>
        views.Count(v => v.Up.Exists(IsCurrent)) >= _policy.Canary && views.TrueForAll(v => !v.Up.Exists(IsCurrent) || v.Up.Exists(r => IsCurrent(r) && r.IsServing() && IsProven(r)));

    /// <summary>Its old replica has been told to make room, or the newest one is of the current spec.</summary>
    private bool HasBegun(SlotView view) =>
        (view.Up.Count == 0 && view.Going.Count > 0) || (Newest(view) is { } newest && IsCurrent(newest));

    private string? Obstacle(ServiceVersion good) => Rollouts.Obstacle(_service, good, _round.State.Networks.ContainsKey, _round.State.Services.Values);

    /// <summary>Every slot has its proven replica and no other, or has done its work. Slots that are not looked at have one, on its way or there.</summary>
    private bool IsComplete(List<SlotView> views)
    {
        if (!views.TrueForAll(IsDone))
            return false;
        var (seen, done) = (views.Select(v => v.Number).ToHashSet(), views.Count);
        foreach (var (slot, replicas) in _round.State.ReplicasOf(_service.Id).Slots)
        {
            if (seen.Contains(slot) || !_asked.Contains(slot))
                continue;
            if (!replicas.All.Any(r => r.IsServing() && IsProven(r)))
                return false;
            done++;
        }
        return done == _asked.Count;
    }

    private bool IsDone(SlotView view)
    {
        if (view.Going.Count > 0 || view.Up.Count > 1 || view.Successor is not null)
            return false;
        if (view.Up.Count == 1)
            return IsCurrent(view.Up[0]) && view.Up[0].IsServing() && IsProven(view.Up[0]);
        return view.Ended.LastOrDefault() is { } last && IsCurrent(last) && last.State() == ReplicaState.Complete
            && !RestartRule.IsFailure(last, _service.Spec.Restart);
    }

    // What began to wait only now is not late because nothing was done before.
    private bool IsOverdue(List<SlotView> views)
    {
        var progressMs = ProgressMs(views);
        return views.Exists(v => IsUnfinished(v) && RoundIsPast(Math.Max(progressMs, BegunMs(v)) + Deadline));
    }

    /// <summary>A replica of the current spec is on its way to serve here, or was and has failed.</summary>
    private bool IsUnfinished(SlotView view) =>
        Newest(view) is { } newest && IsCurrent(newest) && !newest.IsServing()
        && (newest.State() != ReplicaState.Complete || RestartRule.IsFailure(newest, _service.Spec.Restart));

    private bool IsBusy(SlotView view) => !view.IsGood || view.Up.Exists(r => IsCurrent(r) && (!r.IsServing() || !RoundIsPast(ProvenMs(r) + _policy.DelayMs)));

    // Else somebody must look again when it is.
    private bool RoundIsPast(long timeMs)
    {
        if (timeMs <= _round.NowMs)
            return true;
        _round.WakeAt(timeMs);
        return false;
    }

    // Another attempt in the slot does not begin the wait anew.
    private long BegunMs(SlotView view) => All(view).Where(IsCurrent).Min(r => r.CreatedMs);

    /// <summary>When the last replica came to run that did not fail: also one that has left since.</summary>
    private long ProgressMs(List<SlotView> views) =>
        views.SelectMany(All).Where(r => IsCurrent(r) && r.FailuresInRow == 0 && (r.IsLive() || !RestartRule.IsFailure(r, _service.Spec.Restart)))
            .Select(r => r.RunningMs).Append(_service.Rollout?.StartedMs ?? 0).Max();

    private static Replica? Newest(SlotView view) => view.Successor ?? All(view).MaxBy(r => r.CreatedRevision);

    private static IEnumerable<Replica> All(SlotView view) => view.Ended.Concat(view.Going).Concat(view.Up);

    private bool AreTooMany(IReadOnlyCollection<SlotView> troubled) =>
        _policy.FailureAction != FailureAction.Continue && (long)troubled.Count * Millionths > (long)_policy.MaxFailurePpm * _slots;

    private string Reason(IReadOnlyCollection<SlotView> troubled)
    {
        if (troubled.Count == 0)
            return $"no replica was done within {Amount.Seconds(Deadline)}";
        var (view, more) = (troubled.MinBy(v => v.Number)!, troubled.Count - 1);
        var ended = view.Ended.LastOrDefault(r => IsCurrent(r) && RestartRule.IsFailure(r, _service.Spec.Restart));
        return string.Create(CultureInfo.InvariantCulture, $"{_service.Name}.{view.Number} failed: {(ended is null ? "its node was lost" : RestartRule.Reason(ended))}")
            + (more > 0 ? string.Create(CultureInfo.InvariantCulture, $" (and {more} more)") : "");
    }

    private bool IsCurrent(Replica replica) => replica.SpecRevision == _service.SpecRevision;
}
