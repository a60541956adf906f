using System.CommandLine;
using Orchestrator.Model;

namespace Orchestrator.Cli.Commands.Containers;

/// <summary>How it is found out whether a container is well.</summary>
internal sealed class HealthOptions
{
    private readonly Option<string?> _command = Flag.Text("--health-cmd", "COMMAND", "ends with 0 when the container is well");
    private readonly Option<long?> _interval = Flag.Milliseconds("--health-interval", "time between two probes [30s]");
    private readonly Option<long?> _timeout = Flag.Milliseconds("--health-timeout", "longest time of a probe [30s]");
    private readonly Option<long?> _retries = Flag.Number("--health-retries", "failures in a row that make it unhealthy [3]");
    private readonly Option<long?> _startPeriod = Flag.Milliseconds("--health-start-period", "time in which failures do not count [0s]");
    private readonly Option<long?> _startInterval = Flag.Milliseconds("--health-start-interval", "time between probes in that time [5s]");
    private readonly Option<bool> _none = Flag.Switch("--no-healthcheck", "also none that the image asks for");

    public void AddTo(Command command)
    {
        foreach (var option in new Option[] { _command, _interval, _timeout, _retries, _startPeriod, _startInterval, _none })
            command.Add(option);
    }

    /// <summary>Null: as the image says.</summary>
    public Healthcheck? Read(ParseResult parse)
    {
        var check = new Healthcheck
        {
            IntervalMs = parse.GetValue(_interval) ?? 0,
            TimeoutMs = parse.GetValue(_timeout) ?? 0,
            Retries = (int)(parse.GetValue(_retries) ?? 0),
            StartPeriodMs = parse.GetValue(_startPeriod) ?? 0,
            StartIntervalMs = parse.GetValue(_startInterval) ?? 0,
        };
        var untouched = check.Equals(new Healthcheck());
        if (parse.GetValue(_none))
        {
            if (!untouched || parse.GetValue(_command) is not null)
                throw new RefusedException("--no-healthcheck and --health-... exclude each other", Cli.ExitCode.Usage);
            check.Test.Add("NONE");
            return check;
        }
        if (parse.GetValue(_command) is { Length: > 0 } command)
            check.Test.AddRange(["CMD-SHELL", command]);
        return untouched && check.Test.Count == 0 ? null : check;
    }
}
