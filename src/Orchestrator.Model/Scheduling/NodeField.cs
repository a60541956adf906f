namespace Orchestrator.Model.Scheduling;

/// <summary>What constraints and preferences may ask of a node: <c>node.hostname</c>, <c>node.labels.zone</c>.</summary>
public static class NodeField
{
    public const string Accepted = "node.id, node.hostname, node.ip, node.role, node.platform.os, node.platform.arch or node.labels.NAME";
    internal const string Ip = "node.ip", Role = "node.role", Architecture = "node.platform.arch";

    private const string LabelPrefix = "node.labels.";
    private static readonly string[] s_names = ["node.id", "node.hostname", Ip, Role, "node.platform.os", Architecture];

    public static bool IsKnown(string field) =>
        s_names.Contains(field, StringComparer.Ordinal) || (field.StartsWith(LabelPrefix, StringComparison.Ordinal) && field.Length > LabelPrefix.Length);

    /// <summary>A missing label is empty.</summary>
    internal static string Of(Node node, string field, Cluster? cluster) => field switch
    {
        "node.id" => node.Id,
        "node.hostname" => node.Hostname,
        Ip => node.Description?.Address ?? "",
        Role => cluster?.Servers.Any(s => s.Id == node.Id) == true ? "server" : "agent",
        "node.platform.os" => node.Description?.Os ?? "",
        Architecture => Platform.Architecture(node.Description?.Architecture ?? ""),
        _ => node.Labels.TryGetValue(field[LabelPrefix.Length..], out var label) ? label : "",
    };
}
