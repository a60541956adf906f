namespace Orchestrator.Model.Validation;

internal static class DependencyCycles
{
    /// <summary>One sentence for each cycle, which names it whole: "web -> db -> web".</summary>
    public static IEnumerable<string> Find(StackSpec spec, string field, Func<ServiceSpec, IEnumerable<string>> needsOf)
    {
        var needs = spec.Services.GroupBy(s => s.Name, StringComparer.Ordinal)
            .ToDictionary(g => g.Key, g => g.SelectMany(needsOf).ToList(), StringComparer.Ordinal);
        var done = new HashSet<string>(StringComparer.Ordinal);
        foreach (var service in needs.Keys)
            if (CycleFrom(service, needs, done, []) is { } cycle)
                yield return $"{field}: {string.Join(" -> ", cycle)} is a cycle; remove one of the dependencies";
    }

    private static List<string>? CycleFrom(string service, Dictionary<string, List<string>> needs, HashSet<string> done, List<string> path)
    {
        var at = path.IndexOf(service);
        if (at >= 0)
            return [.. path.Skip(at), service];
        if (!needs.TryGetValue(service, out var next) || !done.Add(service))
            return null;
        path.Add(service);
        var cycle = next.Select(n => CycleFrom(n, needs, done, path)).FirstOrDefault(c => c is not null);
        path.RemoveAt(path.Count - 1);
        return cycle;
    }
}
