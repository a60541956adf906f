using Orchestrator.Simulation.Invariants;

namespace Orchestrator.Simulation.Running;

/// <param name="Failure">Null: everything held.</param>
/// <param name="Changes">Length of the log.</param>
/// <param name="CalmMs">How long it took from the end of the trouble until all was well.</param>
internal sealed record Outcome(ulong Seed, string? Failure, int Changes, long VirtualMs, long CalmMs, IReadOnlyList<string> Trace);

/// <summary>One run: trouble, then calm, until everything is as it must be.</summary>
internal static class SimulationRun
{
    private const int TroubleMsMin = 20_000, TroubleMsMax = 60_000;
    private const long ConvergeMsMax = 300_000, PollMs = 1000;

    public static Outcome Of(ulong seed, Rules rules, bool traces)
    {
        var cluster = new SimulatedCluster(seed, rules, traces);
        var calmMs = 0L;
        string? failure = null;
        try
        {
            calmMs = Play(cluster);
        }
        catch (InvariantViolationException violation)
        {
            failure = violation.Message;
        }
#pragma warning disable CA1031 // The top of a run: whatever crashes is what the seed found.
        catch (Exception crash)
#pragma warning restore CA1031
        {
            failure = $"crash: {crash}";
        }
        return new(seed, failure, cluster.Log.Entries.Count, cluster.Time.NowMs, calmMs, cluster.Trace.Lines);
    }

    private static long Play(SimulatedCluster cluster)
    {
        var trouble = cluster.Dice.Between(TroubleMsMin, TroubleMsMax);
        cluster.Start();
        cluster.Time.After(1500, () => cluster.Use(trouble, cluster.Dice.Of(1500, 4000)));
        cluster.Time.After(3000, () => cluster.Trouble(trouble, cluster.Dice.Of(800, 2500, 6000)));
        Run(cluster, trouble);
        cluster.Calm();
        var mends = cluster.Dice.Chance(70);
        var sound = 0;
        for (var waited = PollMs; ; waited += PollMs)
        {
            Run(cluster, cluster.Time.NowMs + PollMs);
            if (waited % 10_000 == 0)
                LetGo(cluster);
            if (mends && waited % 10_000 == 0)
                Mend(cluster);
            var unsettled = waited >= 5000 ? cluster.Checks.Unsettled() : ["too early"];
            sound = unsettled.Count == 0 ? sound + 1 : 0;
            if (sound == 2)
                return waited;
            if (waited >= ConvergeMsMax)
                throw new InvariantViolationException($"not well {waited / 1000} s after the trouble ended: {string.Join("\n  ", unsettled)}");
        }
    }

    private static void LetGo(SimulatedCluster cluster)
    {
        foreach (var action in Users.SteerRollout.LetGo(cluster.Log.Newest))
            cluster.User.Ask(action);
    }

    private static void Mend(SimulatedCluster cluster)
    {
        foreach (var stack in cluster.Log.Newest.Stacks.Keys)
            if (Users.UpdateImage.Mend(cluster.Log.Newest, stack) is { } action)
                cluster.User.Ask(action);
    }

    private static void Run(SimulatedCluster cluster, long untilMs)
    {
        while (cluster.Time.Step(untilMs))
        {
        }
    }
}
