using System.Globalization;
using Orchestrator.Model.Scheduling;

namespace Orchestrator.Model.Validation;

/// <summary>The rules for where a service's replicas go.</summary>
internal static class PlacementCheck
{
    public static IEnumerable<string> Errors(StackSpec stack, ServiceSpec service)
    {
        foreach (var constraint in service.Constraints.Where(c => Constraint.Parse(c) is null))
            yield return $"constraint '{constraint}' is not understood; it must be {Constraint.Accepted}";
        foreach (var field in service.Spread.Where(f => !NodeField.IsKnown(f)))
            yield return $"preference spread '{field}' is not understood; it must be {NodeField.Accepted}";
        if (service.MaxReplicasPerNode < 0)
            yield return Text($"max_replicas_per_node is {service.MaxReplicasPerNode}; it must be 0 (no limit) or more");
        if (Math.Abs((long)service.Priority) > PlacementLimits.PriorityMax)
            yield return Text($"priority is {service.Priority}; it must be {-PlacementLimits.PriorityMax} to {PlacementLimits.PriorityMax}");
        if (!Enum.IsDefined(service.Strategy))
            yield return Text($"strategy {(int)service.Strategy} is unknown; it must be spread or binpack");
        if (service.Strategy == PlacementStrategy.Binpack && service.Reservations is not ({ NanoCpus: > 0 } or { MemoryBytes: > 0 }))
            yield return "strategy binpack fills nodes up by what is reserved; reserve cpus or memory";
        foreach (var error in Neighbours(stack, service).Concat(Generic(service)))
            yield return error;
    }

    /// <summary>What a service must be beside, by name; itself does not count.</summary>
    public static IEnumerable<string> NeededBeside(ServiceSpec service) => service.Affinity.Where(a => a != service.Name);

    private static IEnumerable<string> Neighbours(StackSpec stack, ServiceSpec service)
    {
        foreach (var (key, names) in new[] { ("affinity", service.Affinity), ("anti-affinity", service.AntiAffinity) })
            foreach (var name in names.Where(n => !stack.Services.Any(s => s.Name == n)))
                yield return $"x-orc-{key} '{name}' is not defined; the stack's services are: {string.Join(", ", stack.Services.Select(s => s.Name))}";
        foreach (var both in service.Affinity.Intersect(service.AntiAffinity, StringComparer.Ordinal))
            yield return $"x-orc-affinity and x-orc-anti-affinity both name {both}; keep one";
        foreach (var other in stack.Services.Where(s => s.Name != service.Name && service.Affinity.Contains(s.Name) && s.AntiAffinity.Contains(service.Name)))
            yield return $"x-orc-affinity names {other.Name}, which keeps away from {service.Name} (x-orc-anti-affinity); keep one";
    }

    private static IEnumerable<string> Generic(ServiceSpec service)
    {
        if (service.Limits?.Generic.Count > 0)
            yield return "generic resources belong under reservations; they have no limits";
        foreach (var (name, amount) in (service.Reservations?.Generic ?? []).OrderBy(g => g.Key, StringComparer.Ordinal))
        {
            if (!PlacementLimits.IsResourceName(name))
                yield return $"generic resource '{name}' is no name; it must be letters, digits, '-', '_', '.' or '/', at most 63";
            if (amount < 1)
                yield return Text($"reserves {amount} {name}; it must be 1 or more");
        }
    }

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
