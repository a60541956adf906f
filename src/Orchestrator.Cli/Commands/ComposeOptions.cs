using System.Collections;
using System.CommandLine;
using Orchestrator.Compose;
using Orchestrator.Model;

namespace Orchestrator.Cli.Commands;

/// <summary>The options that name compose files and what is taken of them, and reading them.</summary>
internal sealed class ComposeOptions
{
    private const int MaxErrorsShown = 50;

    private readonly Option<string[]> _files = new("--file", "-f")
    {
        Description = "compose file, again for one that is laid over it; - for standard input [COMPOSE_FILE, compose.yaml and compose.override.yaml here]",
        HelpName = "FILE",
    };

    private readonly Option<string[]> _profiles = new("--profile")
    {
        Description = "also the services of this profile; * for all [COMPOSE_PROFILES]",
        HelpName = "NAME",
    };

    private readonly Option<string[]> _environmentFiles = new("--env-file")
    {
        Description = "file of variables, again for one that wins over it [.env beside the compose file]",
        HelpName = "FILE",
    };

    private readonly Option<string?> _name = new("--name", "-n")
    {
        Description = "name of the stack [COMPOSE_PROJECT_NAME, name: in the file, the file's directory]",
        HelpName = "NAME",
    };

    public void AddTo(Command command)
    {
        foreach (var option in new Option[] { _files, _profiles, _environmentFiles, _name })
            command.Add(option);
    }

    public StackSpec Load(Session session, ParseResult parse) => Read(session, parse).Spec!;

    /// <summary>Warnings go to the error stream.</summary>
    /// <returns>A result without errors.</returns>
    /// <exception cref="RefusedException">The files cannot be taken: every reason.</exception>
    public ComposeResult Read(Session session, ParseResult parse)
    {
        var files = parse.GetValue(_files) ?? [];
        if (files.Count(f => f == "-") > 1)
            throw new RefusedException("-f - is given twice, and standard input can be read once; keep one of them", ExitCode.Usage);
        // Beside the first file, as its author expects; what is named is named from here.
        var directory = ComposeRequest.DirectoryOf(files, Directory.GetCurrentDirectory());
        var result = ComposeLoader.Load(new ComposeRequest(directory, path => Open(session, path), ProcessEnvironment())
        {
            Files = files,
            EnvFiles = parse.GetValue(_environmentFiles) ?? [],
            Profiles = parse.GetValue(_profiles) ?? [],
            StackName = parse.GetValue(_name),
        });
        session.Warn(result.Warnings);
        return result.Spec is not null ? result : throw new RefusedException(Words(result.Errors), ExitCode.Usage);
    }

    private static Stream? Open(Session session, string path) =>
        path == "-" ? session.Streams.In : File.Exists(path) ? File.OpenRead(path) : null;

    private static string Words(IReadOnlyList<Diagnostic> errors) =>
        string.Join('\n', errors.Take(MaxErrorsShown)) + (errors.Count > MaxErrorsShown ? $"\nand {errors.Count - MaxErrorsShown} more errors" : "");

    private static Dictionary<string, string> ProcessEnvironment() =>
        Environment.GetEnvironmentVariables().Cast<DictionaryEntry>().ToDictionary(e => (string)e.Key, e => (string?)e.Value ?? "");
}
