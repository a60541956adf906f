namespace Orchestrator.Model.Planning;

/// <summary>What applying a spec would change.</summary>
public static class StackPlan
{
    public static IReadOnlyList<PlannedAction> Compute(ClusterState state, StackSpec spec) => [];
}
