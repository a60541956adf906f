namespace Orchestrator.Model.Scheduling;

/// <summary>The fields of a spec that say where replicas go; the service's latest word counts for all of its replicas.</summary>
internal static class PlacementRules
{
    public static ServiceSpec Of(ServiceSpec spec) => new()
    {
        Constraints = { spec.Constraints },
        Spread = { spec.Spread },
        MaxReplicasPerNode = spec.MaxReplicasPerNode,
        Affinity = { spec.Affinity },
        AntiAffinity = { spec.AntiAffinity },
        Strategy = spec.Strategy,
        Priority = spec.Priority,
    };

    public static void Clear(ServiceSpec spec)
    {
        spec.Constraints.Clear();
        spec.Spread.Clear();
        spec.MaxReplicasPerNode = 0;
        spec.Affinity.Clear();
        spec.AntiAffinity.Clear();
        spec.Strategy = PlacementStrategy.Spread;
        spec.Priority = 0;
    }
}
