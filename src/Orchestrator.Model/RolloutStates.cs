namespace Orchestrator.Model;

/// <summary>Questions asked of a service's rollout everywhere.</summary>
public static class RolloutStates
{
    /// <summary>Not every replica runs the current spec and has proved itself yet.</summary>
    public static bool IsUnderWay(this Service service) => service.Rollout is { State: not RolloutState.RolloutComplete };

    /// <summary>It was returned to this version because another one failed or somebody said so.</summary>
    public static bool IsRollback(this Service service) => service.Rollout is { RolledBack: > 0 };
}
