namespace Orchestrator.Model.Scheduling;

/// <summary>The fields of a spec that say where replicas go; the service's latest word counts for all of its replicas.</summary>
internal static class PlacementRules
{
    /// <summary>What one replica of the service asks of a node.</summary>
    public static ServiceSpec For(Service service, Replica replica)
    {
        if (replica.SpecRevision == service.SpecRevision)
            return service.Spec;
        var spec = replica.Spec.Clone();
        Clear(spec);
        spec.MergeFrom(Of(service.Spec));
        return spec;
    }

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

    private static ServiceSpec Of(ServiceSpec spec) => new()
    {
        Constraints = { spec.Constraints },
        Spread = { spec.Spread },
        MaxReplicasPerNode = spec.MaxReplicasPerNode,
        Affinity = { spec.Affinity },
        AntiAffinity = { spec.AntiAffinity },
        Strategy = spec.Strategy,
        Priority = spec.Priority,
    };
}
