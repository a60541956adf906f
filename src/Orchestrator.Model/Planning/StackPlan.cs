using Orchestrator.Model.Applying;
using Orchestrator.Model.Scheduling;

namespace Orchestrator.Model.Planning;

/// <summary>What applying a spec would change: services, then networks, then volumes, each by name.</summary>
public static class StackPlan
{
    public static IReadOnlyList<PlannedAction> Compute(ClusterState state, StackSpec spec) =>
        [.. Services(state, spec), .. Networks(state, spec), .. Volumes(state, spec)];

    private static IEnumerable<PlannedAction> Services(ClusterState state, StackSpec spec)
    {
        var known = state.Services.Values.Where(s => s.Stack == spec.Name && !s.Removing).ToDictionary(s => s.Name, StringComparer.Ordinal);
        var planned = spec.Services.Select(s => ServiceAction(state, known.GetValueOrDefault(s.Name), s));
        return InOrder(planned.Concat(Removed("service", known.Keys, spec.Services.Select(s => s.Name))));
    }

    private static PlannedAction ServiceAction(ClusterState state, Service? known, ServiceSpec spec)
    {
        if (known is null)
            return Action(PlannedVerb.Create, "service", spec.Name, []);
        if (known.Spec.Equals(spec))
            return Action(PlannedVerb.Unchanged, "service", spec.Name, []);
        var replaces = SpecDifference.ReplacesReplicas(known.Spec, spec) || MovesReplicas(state, known, spec);
        return Action(replaces ? PlannedVerb.Replace : PlannedVerb.Update, "service", spec.Name, ServiceFields.Differences(known.Spec, spec));
    }

    private static bool MovesReplicas(ClusterState state, Service known, ServiceSpec spec)
    {
        var constraints = spec.Constraints.Select(Constraint.Parse).ToList();
        return state.ReplicasOf(known.Id).All.Where(r => r.IsLive())
            .Select(r => state.Nodes.GetValueOrDefault(r.NodeId)).OfType<Node>()
            .Any(node => constraints.Exists(c => c?.Allows(node, state.Cluster) == false));
    }

    private static IEnumerable<PlannedAction> Networks(ClusterState state, StackSpec spec)
    {
        var known = state.Networks.Values.Where(n => n.Stack == spec.Name).ToDictionary(n => n.Name, StringComparer.Ordinal);
        var planned = spec.Networks.Select(n => NetworkAction(known.GetValueOrDefault(n.Name), n));
        return InOrder(planned.Concat(Removed("network", known.Keys, spec.Networks.Select(n => n.Name))));
    }

    private static PlannedAction NetworkAction(Network? known, NetworkSpec spec)
    {
        if (known is null)
            return Action(PlannedVerb.Create, "network", spec.Name, []);
        var fields = new List<string>();
        if (spec.Subnet.Length > 0 && spec.Subnet != known.Subnet)
            fields.Add($"subnet: {known.Subnet} -> {spec.Subnet}");
        if (spec.Internal != known.Internal)
            fields.Add($"internal: {(known.Internal ? "true" : "false")} -> {(spec.Internal ? "true" : "false")}");
        return Action(fields.Count > 0 ? PlannedVerb.Update : PlannedVerb.Unchanged, "network", spec.Name, fields);
    }

    // A volume that is no longer listed stays where it is: data is never removed by leaving out a line.
    private static IEnumerable<PlannedAction> Volumes(ClusterState state, StackSpec spec)
    {
        var known = state.Stacks.GetValueOrDefault(spec.Name)?.Spec.Volumes.Select(v => v.Name).ToHashSet(StringComparer.Ordinal) ?? [];
        return InOrder(spec.Volumes.Select(v => Action(known.Contains(v.Name) ? PlannedVerb.Unchanged : PlannedVerb.Create, "volume", v.Name, [])));
    }

    private static IEnumerable<PlannedAction> Removed(string kind, IEnumerable<string> known, IEnumerable<string> listed) =>
        known.Except(listed, StringComparer.Ordinal).Select(name => Action(PlannedVerb.Remove, kind, name, []));

    private static IEnumerable<PlannedAction> InOrder(IEnumerable<PlannedAction> actions) => actions.OrderBy(a => a.Name, StringComparer.Ordinal);

    private static PlannedAction Action(PlannedVerb verb, string kind, string name, IReadOnlyList<string> fields) =>
        new() { Verb = verb, Kind = kind, Name = name, Fields = { fields } };
}
