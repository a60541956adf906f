namespace Orchestrator.Compose.Projects;

/// <summary>The files of whoever names none.</summary>
internal static class UsualFiles
{
    public const string First = "compose.yaml";

    private static readonly string[] s_names = [First, "compose.yml", "docker-compose.yaml", "docker-compose.yml"];

    private static readonly string[] s_overrides =
        ["compose.override.yaml", "compose.override.yml", "docker-compose.override.yaml", "docker-compose.override.yml"];

    /// <summary>Those of COMPOSE_FILE, with COMPOSE_PATH_SEPARATOR or a colon between; else the usual one in the directory, and what overrides it.</summary>
    public static IReadOnlyList<string> Find(ComposeRequest request, Func<string, string?> lookup)
    {
        if (lookup("COMPOSE_FILE") is { Length: > 0 } named)
            return named.Split(lookup("COMPOSE_PATH_SEPARATOR") is { Length: > 0 } separator ? separator : ":", StringSplitOptions.RemoveEmptyEntries);
        if (s_names.FirstOrDefault(Exists) is not { } file)
            return [];
        return s_overrides.FirstOrDefault(Exists) is { } over ? [file, over] : [file];

        bool Exists(string name)
        {
            using var stream = request.Open(name);
            return stream is not null;
        }
    }
}
