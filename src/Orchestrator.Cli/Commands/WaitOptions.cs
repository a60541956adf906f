using System.CommandLine;
using Orchestrator.Cli.Waiting;

namespace Orchestrator.Cli.Commands;

/// <summary>Whether, and how long, a command waits until what it asked for runs.</summary>
internal sealed class WaitOptions(bool waitsByDefault)
{
    private readonly Option<bool> _wait = new("--wait") { Description = $"wait until all services are up{(waitsByDefault ? " (the default)" : "")}" };
    private readonly Option<bool> _detach = new("--detach", "-d") { Description = "do not wait" };
    private readonly Option<TimeSpan> _timeout = OptionParsing.Duration("--timeout", TimeSpan.FromMinutes(5), "how long to wait for all services to be up [5m]");
    private readonly Option<TimeSpan> _settle = OptionParsing.Duration("--settle", TimeSpan.FromMilliseconds(500), "how long all services have to stay up to count [500ms]");

    public void AddTo(Command command)
    {
        command.Add(_wait);
        command.Add(_timeout);
        command.Add(_settle);
        if (waitsByDefault)
            command.Add(_detach);
        command.Validators.Add(result =>
        {
            if (result.GetValue(_wait) && waitsByDefault && result.GetValue(_detach))
                result.AddError("--wait and --detach exclude each other");
        });
    }

    public Task<int> WaitAsync(Session session, ParseResult parse, string stack, ulong revision, CancellationToken cancellation)
    {
        var waits = waitsByDefault ? !parse.GetValue(_detach) : parse.GetValue(_wait);
        return waits
            ? new StackWait(session, stack, revision, parse.GetValue(_timeout), parse.GetValue(_settle)).RunAsync(cancellation)
            : Task.FromResult(ExitCode.Done);
    }
}
