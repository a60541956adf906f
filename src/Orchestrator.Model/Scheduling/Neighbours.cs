using System.Globalization;
using Orchestrator.Model.Applying;

namespace Orchestrator.Model.Scheduling;

/// <summary>The rules about what else is on a node: how many of the service itself, and which services beside it.</summary>
internal static class Neighbours
{
    public static IEnumerable<Filter> FiltersOf(string serviceId, ServiceSpec spec, Scheduler scheduler)
    {
        if (spec.MaxReplicasPerNode > 0)
            yield return AtMost(serviceId, spec, scheduler);
        foreach (var other in spec.AntiAffinity)
        {
            var counts = scheduler.CountsOf(Id(scheduler.State, serviceId, other));
            yield return new(other == spec.Name ? $"already run {other} (x-orc-anti-affinity)" : $"run {other} (x-orc-anti-affinity)", c => counts.Live(c.Node.Id) == 0);
        }
        foreach (var other in KeepingAway(scheduler.State, serviceId, spec))
        {
            var counts = scheduler.CountsOf(other.Id);
            yield return new($"run {other.Name}, which keeps away from {spec.Name} (x-orc-anti-affinity)", c => counts.Live(c.Node.Id) == 0);
        }
        foreach (var other in spec.Affinity)
            yield return Beside(serviceId, spec, other, scheduler);
    }

    /// <summary>Services in the order in which they are placed: by priority, and after those beside which they must be.</summary>
    public static IEnumerable<T> InOrder<T>(IEnumerable<T> wanted, Func<T, Service> service, ClusterState state)
    {
        var all = wanted.ToList();
        if (!all.Exists(w => service(w).Spec is { Priority: not 0 } or { Affinity.Count: > 0 }))
            return all;
        var priorities = new Dictionary<string, (int Depth, int Priority)>(StringComparer.Ordinal);
        foreach (var one in all.Select(service))
            Raise(priorities, state, one, one.Spec.Priority);
        return all.OrderByDescending(w => priorities[service(w).Id].Priority).ThenBy(w => priorities[service(w).Id].Depth);
    }

    // What a service needs beside it is as urgent as the service. One spec has no cycles of affinity, but versions that were returned to may make one.
    private static int Raise(Dictionary<string, (int Depth, int Priority)> known, ClusterState state, Service service, int priority)
    {
        priority = Math.Max(priority, service.Spec.Priority);
        if (known.TryGetValue(service.Id, out var before) && before.Priority >= priority)
            return before.Depth;
        known[service.Id] = (0, priority);
        var depth = 0;
        foreach (var other in service.Spec.Affinity.Where(a => a != service.Name))
            if (state.Services.GetValueOrDefault(ServiceChanges.Id(service.Stack, other)) is { } needed)
                depth = Math.Max(depth, Raise(known, state, needed, priority) + 1);
        known[service.Id] = (depth, priority);
        return depth;
    }

    private static Filter AtMost(string serviceId, ServiceSpec spec, Scheduler scheduler)
    {
        var (counts, most) = (scheduler.CountsOf(serviceId), spec.MaxReplicasPerNode);
        return new(string.Create(CultureInfo.InvariantCulture, $"already run {spec.Name} (max_replicas_per_node {most})"), c => counts.Live(c.Node.Id) < most);
    }

    // The first one of a service that wants its own company goes anywhere.
    private static Filter Beside(string serviceId, ServiceSpec spec, string other, Scheduler scheduler)
    {
        var counts = scheduler.CountsOf(Id(scheduler.State, serviceId, other));
        return new($"do not run {other} (x-orc-affinity)", c => counts.Staying(c.Node.Id) > 0 || (other == spec.Name && counts.IsEmpty));
    }

    private static IEnumerable<Service> KeepingAway(ClusterState state, string serviceId, ServiceSpec spec)
    {
        if (state.Services.GetValueOrDefault(serviceId) is not { } own || state.Stacks.GetValueOrDefault(own.Stack) is not { } stack)
            return [];
        return stack.Spec.Services.Where(s => s.Name != spec.Name && !spec.AntiAffinity.Contains(s.Name))
            .Select(s => state.Services.GetValueOrDefault(ServiceChanges.Id(own.Stack, s.Name))).OfType<Service>()
            .Where(s => s.Spec.AntiAffinity.Contains(spec.Name));
    }

    private static string Id(ClusterState state, string serviceId, string other) =>
        state.Services.GetValueOrDefault(serviceId) is { } service ? ServiceChanges.Id(service.Stack, other) : serviceId;
}
