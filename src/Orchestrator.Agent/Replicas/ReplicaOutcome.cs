using Orchestrator.Engine.Containers;
using Orchestrator.Model;

namespace Orchestrator.Agent.Replicas;

/// <summary>The final observed state of a replica of which nothing runs any more.</summary>
public static class ReplicaOutcome
{
    /// <param name="unhealthy">What the health check last said, when it is why the container was stopped.</param>
    public static Observed Of(Observed last, Fate fate, ContainerExit? exit, string? unhealthy, long nowMs)
    {
        var final = last.Clone();
        final.Pid = 0;
        final.FinishedMs = exit?.FinishedAtUnixMs ?? nowMs;
        final.ExitCode = exit?.ExitCode ?? 0;
        final.OomKilled = exit?.OomKilled ?? false;
        (final.State, final.Message) = Judge(last.State, fate, exit, unhealthy);
        return final;
    }

    /// <summary>An error before the start rejects, later ones fail.</summary>
    public static Observed OfError(Observed last, string message, ContainerExit? exit, long nowMs)
    {
        var final = Of(last, Fate.Run, exit, null, nowMs);
        final.State = last.State < ReplicaState.Starting ? ReplicaState.Rejected : ReplicaState.Failed;
        final.Message = message;
        return final;
    }

    private static (ReplicaState, string) Judge(ReplicaState state, Fate fate, ContainerExit? exit, string? unhealthy)
    {
        if (fate != Fate.Run)
            return (ReplicaState.Shutdown, "");
        if (unhealthy is not null)
            return (ReplicaState.Failed, $"unhealthy: {unhealthy}");
        if (exit is null)
            return state < ReplicaState.Starting ? (ReplicaState.Rejected, "its container is gone") : (ReplicaState.Failed, "its container is gone");
        if (exit.Error is not null)
            return (ReplicaState.Failed, exit.Error);
        if (exit.OomKilled)
            return (ReplicaState.Failed, $"out of memory (exit code {exit.ExitCode})");
        return exit.ExitCode == 0 ? (ReplicaState.Complete, "") : (ReplicaState.Failed, $"exit code {exit.ExitCode}");
    }
}
