using System.Collections;
using System.CommandLine;
using Orchestrator.Compose;
using Orchestrator.Model;

namespace Orchestrator.Cli.Commands;

/// <summary>The options that name a compose file, and reading it.</summary>
internal sealed class ComposeOptions
{
    private const int MaxErrorsShown = 50;

    private static readonly string[] s_usualNames = ["compose.yaml", "compose.yml", "docker-compose.yaml", "docker-compose.yml"];

    private readonly Option<string?> _file = new("--file", "-f") { Description = "compose file; - for standard input [compose.yaml here]", HelpName = "FILE" };

    private readonly Option<string?> _name = new("--name", "-n")
    {
        Description = "name of the stack [COMPOSE_PROJECT_NAME, name: in the file, the file's directory]",
        HelpName = "NAME",
    };

    public void AddTo(Command command)
    {
        command.Add(_file);
        command.Add(_name);
    }

    /// <summary>Warnings go to the error stream.</summary>
    /// <exception cref="RefusedException">The file cannot be taken; every reason has been shown but the last.</exception>
    public StackSpec Load(Session session, ParseResult parse)
    {
        var file = parse.GetValue(_file) ?? s_usualNames.FirstOrDefault(File.Exists)
            ?? throw new RefusedException($"there is no {s_usualNames[0]} here; name the compose file with -f FILE", ExitCode.Usage);
        var directory = file == "-" ? Directory.GetCurrentDirectory() : Path.GetDirectoryName(Path.GetFullPath(file)) ?? "/";
        var result = ComposeLoader.Load(file, directory, path => Open(session, path), ProcessEnvironment(), parse.GetValue(_name));
        session.Warn(result.Warnings);
        return result.Spec ?? throw new RefusedException(Words(result.Errors), ExitCode.Usage);
    }

    private static Stream? Open(Session session, string path) =>
        path == "-" ? session.Streams.In : File.Exists(path) ? File.OpenRead(path) : null;

    private static string Words(IReadOnlyList<Diagnostic> errors) =>
        string.Join('\n', errors.Take(MaxErrorsShown)) + (errors.Count > MaxErrorsShown ? $"\nand {errors.Count - MaxErrorsShown} more errors" : "");

    private static Dictionary<string, string> ProcessEnvironment() =>
        Environment.GetEnvironmentVariables().Cast<DictionaryEntry>().ToDictionary(e => (string)e.Key, e => (string?)e.Value ?? "");
}
