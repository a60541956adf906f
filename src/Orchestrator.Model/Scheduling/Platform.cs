namespace Orchestrator.Model.Scheduling;

/// <summary>"linux/amd64": operating system and architecture, in the names that images use. A variant ("/v8") is not compared.</summary>
internal static class Platform
{
    public static bool Fits(string platform, NodeDescription? node)
    {
        var parts = platform.Split('/');
        return parts.Length < 2 || (Same(parts[0], node?.Os) && Same(Architecture(parts[1]), Architecture(node?.Architecture ?? "")));
    }

    public static string Architecture(string name) => name.ToUpperInvariant() switch
    {
        "X86_64" or "X64" => "amd64",
        "AARCH64" => "arm64",
        _ => name,
    };

    private static bool Same(string a, string? b) => string.Equals(a, b, StringComparison.OrdinalIgnoreCase);
}
