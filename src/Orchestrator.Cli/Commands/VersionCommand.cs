using System.CommandLine;
using System.Reflection;
using System.Text.Json.Nodes;
using Orchestrator.Cli.Output;

namespace Orchestrator.Cli.Commands;

internal static class VersionCommand
{
    private static string Version { get; } =
        typeof(VersionCommand).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion.Split('+')[0] ?? "";

    public static Command Create(Shell shell) => shell.On(new Command("version", "Show the version of this program"), (session, _, _) =>
    {
        session.Out.Write(session.Json ? JsonOutput.Text(new JsonObject { ["version"] = Version }) : $"orc {Version}\n");
        return Task.FromResult(ExitCode.Done);
    });
}
