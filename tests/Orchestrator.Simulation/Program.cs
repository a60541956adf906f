using System.Diagnostics;
using System.Globalization;
using Orchestrator.Simulation.Bugs;
using Orchestrator.Simulation.Running;

namespace Orchestrator.Simulation;

/// <summary>"sim --seeds N [--first S]", "sim --seed S [--bug NAME]"; everything else is for the test runner.</summary>
internal static class Program
{
    private const int TailLines = 120, FailuresMax = 20;

    public static int Main(string[] args) => args switch
    {
        ["sim", "--seed", var seed] => Replay(ulong.Parse(seed, CultureInfo.InvariantCulture), new Rules()),
        ["sim", "--seed", var seed, "--bug", var bug] => Replay(ulong.Parse(seed, CultureInfo.InvariantCulture), PlantedBugs.All[bug]()),
        ["sim", "--seeds", var count] => Run(1, int.Parse(count, CultureInfo.InvariantCulture)),
        ["sim", "--seeds", var count, "--first", var first] => Run(ulong.Parse(first, CultureInfo.InvariantCulture), int.Parse(count, CultureInfo.InvariantCulture)),
        _ => Xunit.Runner.InProc.SystemConsole.ConsoleRunner.Run(args).GetAwaiter().GetResult(),
    };

    private static int Replay(ulong seed, Rules rules)
    {
        var outcome = SimulationRun.Of(seed, rules, traces: true);
        foreach (var line in outcome.Trace)
            Console.WriteLine(line);
        Console.WriteLine(outcome.Failure ?? $"seed {seed}: all held, {outcome.Changes} changes, well {outcome.CalmMs / 1000} s after the trouble");
        return outcome.Failure is null ? 0 : 1;
    }

    private static string Line(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);

    private static int Run(ulong first, int count)
    {
        var watch = Stopwatch.StartNew();
        var outcomes = Sweep.Of(first, count, () => new Rules(), stopsAtFailure: false);
        var seconds = watch.Elapsed.TotalSeconds;
        var failed = outcomes.Where(o => o.Failure is not null).ToList();
        Console.WriteLine(Line($"{outcomes.Count} seeds in {seconds:0.0} s: {outcomes.Count / seconds:0} seeds/s"));
        Console.WriteLine(Line($"{outcomes.Average(o => o.Changes):0} changes and {outcomes.Average(o => o.VirtualMs) / 1000:0} virtual seconds each"));
        Console.WriteLine(Line($"well {outcomes.Average(o => o.CalmMs) / 1000:0} s after the trouble, {outcomes.Max(o => o.CalmMs) / 1000} s at most"));
        if (failed.Count == 0)
            return 0;
        foreach (var outcome in failed.Take(FailuresMax))
            Console.WriteLine($"failed: seed {outcome.Seed}: {outcome.Failure!.Split('\n')[0]}");
        Console.WriteLine($"{failed.Count} of {outcomes.Count} seeds failed");
        Console.WriteLine(Sweep.Explain(failed[0], () => new Rules(), TailLines));
        return 1;
    }
}
