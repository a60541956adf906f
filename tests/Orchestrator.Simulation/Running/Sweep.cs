using System.Collections.Concurrent;

namespace Orchestrator.Simulation.Running;

/// <summary>Many seeds, each on one thread.</summary>
internal static class Sweep
{
    /// <summary>Outcomes of those that ran, by seed. After a failure no new seed is begun when <paramref name="stopsAtFailure"/> is set.</summary>
    public static IReadOnlyList<Outcome> Of(ulong first, int count, Func<Rules> rules, bool stopsAtFailure)
    {
        var outcomes = new ConcurrentBag<Outcome>();
        Parallel.For(0, count, (i, loop) =>
        {
            var outcome = SimulationRun.Of(first + (ulong)i, rules(), traces: false);
            outcomes.Add(outcome);
            if (stopsAtFailure && outcome.Failure is not null)
                loop.Break();
        });
        return [.. outcomes.OrderBy(o => o.Seed)];
    }

    /// <summary>The failure and the end of the trace, for people.</summary>
    public static string Explain(Outcome failed, Func<Rules> rules, int lines)
    {
        var traced = SimulationRun.Of(failed.Seed, rules(), traces: true);
        var (what, where) = ($"seed {failed.Seed}: {failed.Failure}", $"the last {lines} lines of its trace; all of it: make sim SEED={failed.Seed}");
        return string.Join('\n', [what, where, .. traced.Trace.TakeLast(lines)]);
    }
}
