using System.Globalization;

namespace Orchestrator.Model.Reconciling;

/// <summary>What comes after a replica that ended: another one, after a delay, or nothing.</summary>
/// <param name="Restart">False: the slot stays empty.</param>
/// <param name="DelayMs">Back-off.</param>
/// <param name="FailuresInRow">For the next replica.</param>
/// <param name="Message">Why it waits, or why there is no other; empty when there is nothing to say.</param>
internal sealed record RestartDecision(bool Restart, long DelayMs, int FailuresInRow, string Message)
{
    public static RestartDecision AtOnce(int failuresInRow) => new(true, 0, failuresInRow, "");
}

internal static class RestartRule
{
    public const long DefaultWindowMs = 30_000;
    private const long FirstStepMs = 200;
    private const long DelayMsMax = 60_000;

    public static RestartDecision After(Replica ended, RestartPolicy? policy)
    {
        if (IsLost(ended))
            return RestartDecision.AtOnce(ended.FailuresInRow);
        if (ended.Desired == DesiredState.DesiredShutdown)
            return RestartDecision.AtOnce(0);
        policy ??= new();
        if (!Covers(policy.Condition, ended.State()))
            return new(false, 0, ended.FailuresInRow, WhyNot(policy.Condition, ended.State()));
        var failures = RanWell(ended, policy) ? 1 : ended.FailuresInRow + 1;
        if (policy.MaxAttempts > 0 && failures > policy.MaxAttempts)
            return new(false, 0, failures, Text($"not restarted: ended {failures} times in a row, max_attempts is {policy.MaxAttempts}"));
        var delay = Delay(policy, failures);
        return new(true, delay, failures, Text($"restarts after {Amount.Seconds(delay)}: ended {failures} times in a row, last with {Reason(ended)}"));
    }

    /// <summary>It ended, not by our wish, and was to go on.</summary>
    public static bool IsFailure(Replica ended, RestartPolicy? policy) =>
        ended.Desired == DesiredState.DesiredRunning && (ended.State() != ReplicaState.Complete || Covers(policy?.Condition ?? RestartCondition.Any, ended.State()));

    public static long Window(RestartPolicy? policy) => policy?.WindowMs > 0 ? policy.WindowMs : DefaultWindowMs;

    /// <summary>First failure: the policy's delay. Then doubling, from 0.2 s or the policy's delay, up to a minute or the policy's delay.</summary>
    public static long Delay(RestartPolicy policy, int failures)
    {
        if (failures <= 1)
            return policy.DelayMs;
        var first = policy.DelayMs > 0 ? policy.DelayMs * 2 : FirstStepMs;
        var doublings = Math.Min(failures - 2, 20);
        return Math.Min(first << doublings, Math.Max(DelayMsMax, policy.DelayMs));
    }

    private static bool IsLost(Replica replica) => replica.IsLive() || replica.State() == ReplicaState.Orphaned;

    private static bool RanWell(Replica ended, RestartPolicy policy) =>
        ended.Observed.StartedMs > 0 && ended.Observed.FinishedMs - ended.Observed.StartedMs >= Window(policy);

    private static bool Covers(RestartCondition condition, ReplicaState state) =>
        condition == RestartCondition.Any || (condition == RestartCondition.OnFailure && state != ReplicaState.Complete);

    private static string WhyNot(RestartCondition condition, ReplicaState state) =>
        state == ReplicaState.Complete ? "" : Text($"not restarted: restart condition is {(condition == RestartCondition.None ? "none" : "on-failure")}");

    public static string Reason(Replica ended) => ended.Observed switch
    {
        { OomKilled: true } => "out of memory",
        { Message.Length: > 0 } observed => observed.Message,
        var observed => Text($"exit code {observed.ExitCode}"),
    };

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
