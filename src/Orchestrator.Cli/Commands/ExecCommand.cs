using System.CommandLine;
using Orchestrator.Cli.Terminal;
using Orchestrator.Model;

namespace Orchestrator.Cli.Commands;

internal static class ExecCommand
{
    public static Command Create(Shell shell)
    {
        var interactive = new Option<bool>("--interactive", "-i") { Description = "pass standard input on" };
        var tty = new Option<bool>("--tty", "-t") { Description = "give it a terminal" };
        var user = new Option<string?>("--user", "-u") { Description = "run as this user", HelpName = "USER[:GROUP]" };
        var directory = new Option<string?>("--workdir", "-w") { Description = "run in this directory", HelpName = "DIR" };
        var environment = new Option<string[]>("--env", "-e") { Description = "environment variable; a name alone passes it on", HelpName = "NAME[=VALUE]" };
        var replica = new Argument<string>("REPLICA") { Description = "SERVICE.SLOT such as web.1, STACK/SERVICE.SLOT, or the beginning of an id" };
        var words = new Argument<string[]>("COMMAND") { Description = "program and its arguments", Arity = ArgumentArity.OneOrMore, CaptureRemainingTokens = true };
        var command = new Command("exec", "Run a command in a running container; ends with its exit code") { interactive, tty, user, directory, environment, replica, words };
        return shell.On(command, (session, parse, cancellation) =>
        {
            var start = new ExecStart
            {
                Replica = parse.GetRequiredValue(replica),
                Tty = parse.GetValue(tty),
                Interactive = parse.GetValue(interactive),
                User = parse.GetValue(user) ?? "",
                WorkingDir = parse.GetValue(directory) ?? "",
            };
            start.Command.AddRange(parse.GetRequiredValue(words));
            foreach (var variable in parse.GetValue(environment) ?? [])
                AddVariable(start, variable);
            return new ExecStream(session, start).RunAsync(cancellation);
        });
    }

    private static void AddVariable(ExecStart start, string text)
    {
        var parts = text.Split('=', 2);
        if (parts[0].Length == 0)
            throw new RefusedException($"--env: got \"{text}\"; expected NAME=VALUE or NAME", ExitCode.Usage);
        if ((parts.ElementAtOrDefault(1) ?? Environment.GetEnvironmentVariable(parts[0])) is { } value)
            start.Environment[parts[0]] = value;
    }
}
