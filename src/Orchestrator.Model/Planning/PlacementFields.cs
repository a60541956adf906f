using System.Globalization;

namespace Orchestrator.Model.Planning;

/// <summary>The fields of deploy.placement.</summary>
internal static class PlacementFields
{
    public static void Add(Dictionary<string, string> fields, ServiceSpec spec)
    {
        fields["constraints"] = string.Join(", ", spec.Constraints);
        fields["preferences"] = string.Join(", ", spec.Spread.Select(f => $"spread {f}"));
        fields["max_replicas_per_node"] = Number(spec.MaxReplicasPerNode);
        fields["x-orc-affinity"] = string.Join(", ", spec.Affinity);
        fields["x-orc-anti-affinity"] = string.Join(", ", spec.AntiAffinity);
        fields["x-orc-strategy"] = spec.Strategy == PlacementStrategy.Binpack ? "binpack" : "";
        fields["x-orc-priority"] = Number(spec.Priority);
    }

    public static IEnumerable<string> Generic(Resources? resources) =>
        (resources?.Generic ?? []).OrderBy(g => g.Key, StringComparer.Ordinal).Select(g => $"{Number(g.Value)} {g.Key}");

    private static string Number(long number) => number == 0 ? "" : number.ToString(CultureInfo.InvariantCulture);
}
