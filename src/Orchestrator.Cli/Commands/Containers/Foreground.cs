using System.CommandLine;

namespace Orchestrator.Cli.Commands.Containers;

/// <summary>Commands that stay with a container and hand on the signals that they get.</summary>
internal static class Foreground
{
    private static readonly string[] s_names = ["run", "start", "attach"];

    public static bool Owns(ParseResult parse) => s_names.Contains(parse.CommandResult.Command.Name);
}
