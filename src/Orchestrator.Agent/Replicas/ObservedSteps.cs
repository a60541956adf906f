using Orchestrator.Engine.Networks;
using Orchestrator.Model;

namespace Orchestrator.Agent.Replicas;

/// <summary>An observed state is never changed once it was reported: these give the next one.</summary>
internal static class ObservedSteps
{
    /// <summary>States only lead forward; a late progress message changes nothing.</summary>
    public static bool Follows(this Observed observed, Observed known) => observed.State >= known.State && !ReplicaFacts.IsFinal(known.State);

    /// <summary>What the health check said of a container that must therefore end; null: nothing of that kind.</summary>
    public static string? WhyUnhealthy(this Observed observed) => observed.Health == Model.Health.Unhealthy ? observed.Message : null;

    public static Observed At(this Observed observed, ReplicaState state)
    {
        var next = observed.Clone();
        (next.State, next.Message) = (state, "");
        return next;
    }

    public static Observed Saying(this Observed observed, string message)
    {
        var next = observed.Clone();
        next.Message = message;
        return next;
    }

    public static Observed With(this Observed observed, Attachment attachment)
    {
        var next = observed.Clone();
        next.Addresses.Clear();
        foreach (var (network, address) in attachment.Addresses)
            next.Addresses[network] = address.ToString();
        return next;
    }
}
