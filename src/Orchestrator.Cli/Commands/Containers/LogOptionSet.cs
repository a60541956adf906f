using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;
using Orchestrator.Model;

namespace Orchestrator.Cli.Commands.Containers;

/// <summary>Which lines of a log, for a service's as for a container's.</summary>
internal sealed class LogOptionSet
{
    public Option<bool> Follow { get; } = Flag.Switch("--follow", "go on with new lines, also of new replicas", "-f");
    public Option<int> Tail { get; } = new("--tail", "-n") { Description = "only the last lines of each replica or container [all]", HelpName = "LINES", DefaultValueFactory = _ => -1, CustomParser = ParseTail };
    public Option<long> Since { get; } = Time("--since", "only lines after a time, or as new as a duration");
    public Option<long> Until { get; } = Time("--until", "only lines before a time, or as old as a duration (of a container of this machine)");
    public Option<bool> Timestamps { get; } = Flag.Switch("--timestamps", "show when each line was written", "-t");

    public void AddTo(Command command)
    {
        foreach (var option in new Option[] { Follow, Tail, Since, Until, Timestamps })
            command.Add(option);
    }

    public LocalLogsRequest Local(ParseResult parse, string name) => new()
    {
        Name = name,
        Follow = parse.GetValue(Follow),
        Tail = parse.GetValue(Tail),
        SinceNs = parse.GetValue(Since) * 1_000_000,
        UntilNs = parse.GetValue(Until) * 1_000_000,
    };

    /// <summary>Unix milliseconds: a time, Unix seconds, or a duration back from now.</summary>
    public static Option<long> Time(string name, string description) => new(name)
    {
        Description = description,
        HelpName = "TIME|DURATION",
        CustomParser = result => ParseTime(name, result),
    };

    private static int ParseTail(ArgumentResult result)
    {
        var text = result.Tokens[^1].Value;
        if (text == "all" || text == "-1")
            return -1;
        if (int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var lines))
            return lines;
        result.AddError($"--tail: got \"{text}\"; expected a number of lines, or all");
        return -1;
    }

    private static long ParseTime(string name, ArgumentResult result)
    {
        var text = result.Tokens[^1].Value;
        if (Compose.Values.Duration.TryParse(text, out var ago))
            return DateTimeOffset.UtcNow.ToUnixTimeMilliseconds() - ago;
        if (decimal.TryParse(text, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var seconds))
            return (long)(seconds * 1000);
        if (DateTimeOffset.TryParse(text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var time))
            return time.ToUnixTimeMilliseconds();
        result.AddError($"{name}: got \"{text}\"; expected a time such as 2026-01-31T12:00:00Z, or {Compose.Values.Duration.Accepted}");
        return 0;
    }
}
