using Orchestrator.Model.Scheduling;

namespace Orchestrator.Model.Applying;

/// <summary>Which changes of a service need new replicas.</summary>
internal static class SpecDifference
{
    /// <summary>The number of replicas, the service's labels, ingress ports, aliases, the policies and start conditions are not the container's
    /// business; a constraint moves only the replicas that it no longer allows where they are, and other rules of placement are for new ones.</summary>
    public static bool ReplacesReplicas(ServiceSpec before, ServiceSpec after) => !OfTheReplica(before).Equals(OfTheReplica(after));

    private static ServiceSpec OfTheReplica(ServiceSpec spec)
    {
        var part = spec.Clone();
        part.Replicas = 0;
        part.Labels.Clear();
        part.Restart = null;
        part.Update = part.Rollback = null;
        part.DependsOn.Clear();
        PlacementRules.Clear(part);
        if (part.Container is { } container)
            container.PullPolicy = "";
        var hostPorts = part.Ports.Where(p => p.Mode == PortMode.Host).ToList();
        part.Ports.Clear();
        part.Ports.AddRange(hostPorts);
        foreach (var network in part.Networks)
            network.Aliases.Clear();
        return part;
    }
}
