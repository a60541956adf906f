namespace Orchestrator.Model.Scheduling;

/// <summary>A hard rule on the node: <c>node.labels.disk==ssd</c>. Values compare without regard to case; a missing label is empty.</summary>
public sealed record Constraint(string Key, bool MustEqual, string Value)
{
    public const string Accepted = "node.id, node.hostname, node.role, node.platform.os, node.platform.arch or node.labels.NAME, then == or !=, then a value";

    private const string LabelPrefix = "node.labels.";
    private static readonly string[] s_keys = ["node.id", "node.hostname", "node.role", "node.platform.os", "node.platform.arch"];

    /// <summary>Null when the text is not a constraint: see <see cref="Accepted"/>.</summary>
    public static Constraint? Parse(string text)
    {
        var at = text.IndexOf("==", StringComparison.Ordinal);
        var unequal = text.IndexOf("!=", StringComparison.Ordinal);
        var mustEqual = at >= 0 && (unequal < 0 || at < unequal);
        var split = mustEqual ? at : unequal;
        if (split < 0)
            return null;
        var key = text[..split].Trim();
        var value = text[(split + 2)..].Trim();
        return IsKey(key) && value.Length > 0 ? new(key, mustEqual, value) : null;
    }

    public bool Allows(Node node, Cluster? cluster) =>
        string.Equals(Actual(node, cluster), Wanted, StringComparison.OrdinalIgnoreCase) == MustEqual;

    public override string ToString() => $"{Key}{(MustEqual ? "==" : "!=")}{Value}";

    private static bool IsKey(string key) =>
        s_keys.Contains(key, StringComparer.Ordinal) || (key.StartsWith(LabelPrefix, StringComparison.Ordinal) && key.Length > LabelPrefix.Length);

    // Compose files written for Swarm say manager and worker.
    private string Wanted => (Key, Value.ToUpperInvariant()) switch
    {
        ("node.role", "MANAGER") => "server",
        ("node.role", "WORKER") => "agent",
        ("node.platform.arch", _) => Platform.Architecture(Value),
        _ => Value,
    };

    private string Actual(Node node, Cluster? cluster) => Key switch
    {
        "node.id" => node.Id,
        "node.hostname" => node.Hostname,
        "node.role" => cluster?.Servers.Any(s => s.Id == node.Id) == true ? "server" : "agent",
        "node.platform.os" => node.Description?.Os ?? "",
        "node.platform.arch" => Platform.Architecture(node.Description?.Architecture ?? ""),
        _ => node.Labels.TryGetValue(Key[LabelPrefix.Length..], out var label) ? label : "",
    };
}
