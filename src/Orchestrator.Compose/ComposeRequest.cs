namespace Orchestrator.Compose;

/// <summary>What is to be loaded.</summary>
/// <param name="Directory">The project's, as an absolute path: relative paths in the files, and <c>.env</c>, are looked for there.</param>
/// <param name="Open">The only way to files: opens one for reading, or answers null when there is none.</param>
/// <param name="Environment">The process environment; it wins over <c>.env</c>.</param>
public sealed record ComposeRequest(string Directory, Func<string, Stream?> Open, IReadOnlyDictionary<string, string> Environment)
{
    /// <summary>As their author calls them: given to <see cref="Open"/> and shown in messages. Each is laid over those before. Empty: COMPOSE_FILE, else the usual
    /// ones in the directory.</summary>
    public IReadOnlyList<string> Files { get; init; } = [];

    /// <summary>Instead of <c>.env</c>, and they have to be there; a later one wins.</summary>
    public IReadOnlyList<string> EnvFiles { get; init; } = [];

    /// <summary>Services without profiles are always there. Those of COMPOSE_PROFILES are asked for too; "*": all.</summary>
    public IReadOnlyList<string> Profiles { get; init; } = [];

    /// <summary>A project lies where its first file does; standard input, "-", lies nowhere.</summary>
    /// <param name="from">Where the files are named from, as an absolute path.</param>
    public static string DirectoryOf(IEnumerable<string> files, string from) =>
        files.FirstOrDefault(f => f != "-") is { } first ? Path.GetDirectoryName(Path.GetFullPath(first, from)) ?? "/" : from;

    /// <summary>Wins over COMPOSE_PROJECT_NAME, which wins over <c>name:</c>, which wins over the directory's name.</summary>
    public string? StackName { get; init; }
}
