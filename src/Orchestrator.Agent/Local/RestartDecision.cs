using Orchestrator.Model;

namespace Orchestrator.Agent.Local;

/// <summary>Whether a container that ended starts again, and after how long: Docker's rules.</summary>
internal static class RestartDecision
{
    private static readonly TimeSpan s_first = TimeSpan.FromMilliseconds(100), s_longest = TimeSpan.FromMinutes(1);

    /// <summary>A run this long was a good one: the next failure waits as briefly as the first.</summary>
    private static readonly TimeSpan s_goodRun = TimeSpan.FromSeconds(10);

    /// <param name="wanted">Not stopped by its user.</param>
    /// <param name="restarts">How often its policy has started it since its user did.</param>
    public static bool Restarts(LocalRestart? policy, bool wanted, int exitCode, int restarts) => wanted && policy?.Policy switch
    {
        LocalRestartPolicy.Always or LocalRestartPolicy.UnlessStopped => true,
        LocalRestartPolicy.OnFailed => exitCode != 0 && (policy.Attempts == 0 || restarts < policy.Attempts),
        _ => false,
    };

    /// <summary>When an agent begins: "always" starts also what its user had stopped, "unless-stopped" does not.</summary>
    public static bool RestartsAtBegin(LocalRestart? policy, bool wanted, int exitCode, int restarts) =>
        policy is { Policy: LocalRestartPolicy.Always } || Restarts(policy, wanted, exitCode, restarts);

    /// <param name="last">The wait before the run that ended now; zero when its user started it.</param>
    public static TimeSpan Wait(TimeSpan last, TimeSpan ran)
    {
        if (last == TimeSpan.Zero || ran >= s_goodRun)
            return s_first;
        return last * 2 < s_longest ? last * 2 : s_longest;
    }
}
