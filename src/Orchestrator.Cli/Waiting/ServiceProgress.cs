using System.Globalization;
using Orchestrator.Cli.Output;
using Orchestrator.Model;

namespace Orchestrator.Cli.Waiting;

internal enum Outcome
{
    Waiting,
    Up,

    /// <summary>Waiting longer would not help.</summary>
    Failed,
}

/// <summary>How far one service is.</summary>
/// <param name="Good">Replicas that serve, or have done their work.</param>
/// <param name="Detail">What the others are doing; empty when there are none.</param>
/// <param name="Culprit">The replica that shows best why the service is not up.</param>
internal sealed record ServiceProgress(string Name, int Good, int Asked, Outcome Outcome, string Detail, Replica? Culprit)
{
    private const int CrashesOfLoop = 5;

    /// <summary>How long a crash loop or a lack of room may last before it counts as failure: what a service needs may still be starting.</summary>
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(20);

    /// <param name="stack">The picture.</param>
    /// <param name="waited">Since the change was made.</param>
    /// <param name="revision">Of the change: a version that it began and that was given up has failed.</param>
    public static IReadOnlyList<ServiceProgress> Of(WatchStackResponse stack, TimeSpan waited, ulong revision) =>
    [
        .. stack.Services.Where(s => !s.Service.Removing).OrderBy(s => s.Service.Name, StringComparer.Ordinal)
            .Select(s => GivenUp(s, stack.Replicas, revision) ?? Of(s, stack.Replicas, waited)),
    ];

    public string Describe(bool withDetail) => $"{Good}/{Asked} {(Outcome == Outcome.Up ? "up" : "running")}{(withDetail && Detail.Length > 0 ? $"; {Detail}" : "")}";

    private static ServiceProgress Of(ServiceStatus status, IEnumerable<Replica> replicas, TimeSpan waited)
    {
        var service = status.Service;
        // The newest replica of a slot is the one that counts; older ones are on their way out.
        var newest = replicas.Where(r => r.ServiceId == service.Id && r.SpecRevision == service.SpecRevision && (r.Slot <= status.Asked || service.Spec.Mode == ServiceMode.Global))
            .GroupBy(r => r.Slot).Select(slot => slot.MaxBy(r => (r.CreatedRevision, r.Revision))!).OrderBy(r => r.Slot).ToList();
        var done = newest.Count(r => IsDone(r, service.Spec));
        var missing = newest.Where(r => !r.IsServing() && !IsDone(r, service.Spec)).ToList();
        var good = Math.Min(status.Asked, status.Running + done);
        var culprit = missing.FirstOrDefault(r => IsHopeless(r, service.Spec, waited)) ?? missing.MaxBy(Badness);
        if (service.Rollout is { State: RolloutState.RolloutCanary } canary)
            return new ServiceProgress(service.Name, good, status.Asked, Outcome.Up, $"{Text.OneLine(canary.Message)}; `orc rollout promote {service.Id}` goes on", null);
        var outcome = good >= status.Asked ? Outcome.Up : culprit is not null && IsHopeless(culprit, service.Spec, waited) ? Outcome.Failed : Outcome.Waiting;
        return new ServiceProgress(service.Name, good, status.Asked, outcome, outcome == Outcome.Up ? "" : Words(culprit, missing.Count), culprit);
    }

    /// <summary>The change's version was rolled back: shown by the replica that failed.</summary>
    private static ServiceProgress? GivenUp(ServiceStatus status, IEnumerable<Replica> replicas, ulong revision)
    {
        var service = status.Service;
        if (revision == 0 || service.History.LastOrDefault(v => v.SpecRevision >= revision && v.Message.Length > 0) is not { } version || service.SpecRevision >= revision)
            return null;
        var culprit = replicas.Where(r => r.ServiceId == service.Id && r.SpecRevision == version.SpecRevision && r.State() is ReplicaState.Failed or ReplicaState.Rejected)
            .OrderBy(r => r.Slot).FirstOrDefault();
        var detail = string.Create(CultureInfo.InvariantCulture, $"version {version.Version} was rolled back to {service.Version}: {Text.OneLine(version.Message)}");
        return new ServiceProgress(service.Name, status.Running, status.Asked, Outcome.Failed, detail, culprit);
    }

    private static bool IsDone(Replica replica, ServiceSpec spec) =>
        replica.State() == ReplicaState.Complete && (spec.Restart?.Condition ?? RestartCondition.Any) != RestartCondition.Any;

    private static bool IsHopeless(Replica replica, ServiceSpec spec, TimeSpan waited)
    {
        if (replica.State() is ReplicaState.Failed or ReplicaState.Rejected && IsGivenUp(replica, spec.Restart))
            return true;
        var hasNoRoom = !replica.IsPlaced() && replica.Message.StartsWith("no node", StringComparison.Ordinal);
        return waited >= s_patience && (hasNoRoom || replica.FailuresInRow >= CrashesOfLoop);
    }

    private static bool IsGivenUp(Replica replica, RestartPolicy? policy) =>
        policy is { Condition: RestartCondition.None } || (policy is { MaxAttempts: > 0 } && replica.FailuresInRow >= policy.MaxAttempts);

    private static int Badness(Replica replica) => replica.FailuresInRow * 10 + (Text.Reason(replica).Length > 0 ? 5 : 0) + (replica.State().IsFinal() ? 3 : 0);

    private static string Words(Replica? replica, int missing)
    {
        if (replica is null)
            return "";
        var reason = Text.OneLine(Text.Reason(replica));
        return $"{Text.Name(replica)} {Text.State(replica)}{(reason.Length > 0 ? $": {reason}" : "")}{(missing > 1 ? $" (and {missing - 1} more)" : "")}";
    }
}
