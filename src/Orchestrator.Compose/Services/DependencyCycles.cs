using Orchestrator.Compose.Fields;
using Orchestrator.Model;

namespace Orchestrator.Compose.Services;

/// <summary>Services that wait for each other in a ring would never start.</summary>
internal static class DependencyCycles
{
    public static void Check(Field root, StackSpec spec)
    {
        var waiting = spec.Services.ToDictionary(s => s.Name, s => s.DependsOn.Select(d => d.Service).ToHashSet());
        // Whoever waits for nobody that is left can start; what remains in the end waits in a ring, or behind one.
        while (waiting.Where(w => !w.Value.Any(waiting.ContainsKey)).Select(w => w.Key).ToList() is { Count: > 0 } free)
            free.ForEach(name => waiting.Remove(name));
        if (waiting.Count > 0 && Field(root, Ring(waiting)[0]) is { } service)
            service.RefuseKey($"depends_on goes round in a ring: {string.Join(" -> ", Ring(waiting))}; take one of them out");
    }

    private static List<string> Ring(Dictionary<string, HashSet<string>> waiting)
    {
        var walk = new List<string> { waiting.Keys.Order(StringComparer.Ordinal).First() };
        while (walk.IndexOf(walk[^1]) == walk.Count - 1)
            walk.Add(waiting[walk[^1]].Where(waiting.ContainsKey).Order(StringComparer.Ordinal).First());
        return walk[walk.IndexOf(walk[^1])..];
    }

    private static Field? Field(Field root, string service) =>
        root.Entries().Where(e => e.Key == "services").SelectMany(s => s.Entries()).Where(s => s.Key == service)
            .SelectMany(s => s.Entries()).Cast<Field?>().FirstOrDefault(k => k!.Value.Key == "depends_on");
}
