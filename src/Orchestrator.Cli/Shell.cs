using System.CommandLine;
using Grpc.Core;
using Orchestrator.Cli.Commands;
using Orchestrator.Cli.Commands.Containers;
using Orchestrator.Transport;

namespace Orchestrator.Cli;

/// <summary>The command line as a whole: reads it, runs what it names, and turns every expected failure into one line and an exit code.</summary>
/// <param name="connect">From the path of a context, or null for the usual one, to the cluster.</param>
/// <param name="connectEngine">To this machine's agent; null: at its usual socket.</param>
internal sealed class Shell(Streams streams, Func<string?, CallInvoker> connect, Func<CallInvoker>? connectEngine = null)
{
    private readonly Option<string?> _context = new("--context")
    {
        Description = $"file that says where the servers are, with the certificate for them [${AdminContext.EnvironmentVariable}, else {AdminContext.DefaultPath}]",
        HelpName = "FILE",
        Recursive = true,
    };

    private readonly Option<string> _output = new("--output", "-o")
    {
        Description = "table for people, json for scripts",
        HelpName = "table|json",
        DefaultValueFactory = _ => "table",
        Recursive = true,
    };

    public async Task<int> RunAsync(string[] arguments)
    {
        try
        {
            return await ParseAndRunAsync(arguments);
        }
        catch (IOException e) when (IsBrokenPipe(e))
        {
            return ExitCode.OutputClosed;
        }
    }

    private async Task<int> ParseAndRunAsync(string[] arguments)
    {
        var parse = Build().Parse(arguments.Length == 0 ? ["--help"] : arguments);
        if (parse.Errors.Count > 0)
        {
            // A word that is no command is also reported as a missing command, first.
            var error = parse.UnmatchedTokens.Count > 0 ? parse.Errors[^1] : parse.Errors[0];
            await streams.Error.WriteLineAsync($"orc: {Output.Text.OneLine(error.Message)} (try: {Path(parse)} --help)");
            return ExitCode.Usage;
        }
        return await parse.InvokeAsync(new InvocationConfiguration
        {
            Output = streams.Out,
            Error = streams.Error,
            EnableDefaultExceptionHandler = false,
            // These pass signals on to a container, for as long as that takes.
            ProcessTerminationTimeout = Foreground.Owns(parse) ? null : TimeSpan.FromSeconds(5),
        });
    }

    /// <summary>Makes the command run this, with a session that is closed afterwards.</summary>
    public Command On(Command command, Func<Session, ParseResult, CancellationToken, Task<int>> run)
    {
        command.SetAction(async (parse, cancellation) =>
        {
            using var session = new Session(streams, () => connect(parse.GetValue(_context)), parse.GetValue(_output) == "json", parse.GetValue(_context), connectEngine);
            return await GuardedAsync(() => run(session, parse, cancellation), cancellation);
        });
        return command;
    }

    private RootCommand Build()
    {
        _output.AcceptOnlyFromAmong("table", "json");
        var root = new RootCommand($"Runs and watches stacks on an Orchestrator cluster, and containers on this machine.\n\n{ExitCode.Help}")
        {
            ApplyCommand.Create(this),
            PlanCommand.Create(this),
            ComposeCommands.Create(this),
            PsCommand.Create(this),
            WhyCommand.Create(this),
            LogsCommand.Create(this),
            ExecCommand.Create(this),
            ServiceCommands.Create(this),
            RolloutCommands.Create(this),
            StackCommands.Create(this),
            NodeCommands.Create(this),
            ClusterCommands.Create(this),
            ImageCommands.Create(this),
            ContainerCommands.Create(this),
            VolumeCommands.Create(this),
            VersionCommand.Create(this),
            _context,
            _output,
        };
        foreach (var command in ContainerCommands.Verbs(this))
            root.Add(command);
        return root;
    }

    private async Task<int> GuardedAsync(Func<Task<int>> run, CancellationToken cancellation)
    {
        try
        {
            return await run();
        }
        catch (RefusedException e)
        {
            return Say(e.Message, e.ExitCode);
        }
        catch (Exception e) when (cancellation.IsCancellationRequested && e is OperationCanceledException or RpcException { StatusCode: StatusCode.Cancelled })
        {
            return ExitCode.Interrupted;
        }
        catch (RpcException e) when (ServerChannel.IsServersFault(e))
        {
            return Say($"no server could be reached: {e.Status.DebugException?.GetBaseException().Message ?? e.Status.Detail}", ExitCode.Unreachable);
        }
        catch (RpcException e)
        {
            return Say(e.Status.Detail.Length > 0 ? e.Status.Detail : e.StatusCode.ToString(), ExitCode.Failed);
        }
        catch (Exception e) when (!IsBrokenPipe(e) && e is (IOException or UnauthorizedAccessException or InvalidDataException))
        {
            return Say(e.Message, ExitCode.Failed);
        }
    }

    // As of `orc logs -f web | head -1`: silence, as of a program that SIGPIPE ends. 32 is EPIPE.
    private static bool IsBrokenPipe(Exception e) => e is IOException { HResult: 32 };

    private int Say(string message, int exitCode)
    {
        foreach (var line in message.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries))
            streams.Error.WriteLine($"orc: {line}");
        return exitCode;
    }

    private static string Path(ParseResult parse)
    {
        var names = new List<string>();
        for (var result = parse.CommandResult; result is not null; result = result.Parent as System.CommandLine.Parsing.CommandResult)
            names.Insert(0, result.Parent is null ? "orc" : result.Command.Name);
        return string.Join(' ', names);
    }
}
