using Orchestrator.Simulation.Running;
using Orchestrator.Simulation.Servers;

namespace Orchestrator.Simulation.Faults;

internal static class ServerFaults
{
    public static IReadOnlyList<Fault> All { get; } =
    [
        new(3, Crash),
        new(3, Pause),
        new(3, c => c.Log.Depose()),
        new(2, JumpClock),
        new(2, SlowDisk),
    ];

    private static void Crash(SimulatedCluster cluster)
    {
        if (Choose(cluster) is not { } server)
            return;
        server.Crash(machine: cluster.Dice.Chance(40));
        cluster.Time.After(cluster.Dice.Between(50, 9000), server.Restart);
    }

    private static void Pause(SimulatedCluster cluster)
    {
        if (Choose(cluster) is not { } server)
            return;
        server.Pause();
        cluster.Time.After(cluster.Dice.Between(100, 8000), server.Resume);
    }

    private static void JumpClock(SimulatedCluster cluster)
    {
        var server = cluster.Dice.Of<SimulatedServer>(cluster.Servers);
        server.ClockOffsetMs += cluster.Dice.Between(-20_000, 20_000);
        cluster.Trace.Write(server.Name, $"clock is {server.ClockOffsetMs} ms off");
    }

    private static void SlowDisk(SimulatedCluster cluster)
    {
        cluster.Log.SlowMs = cluster.Dice.Between(50, 1500);
        cluster.Trace.Write("disks", $"of the servers need {cluster.Log.SlowMs} ms more");
        cluster.Time.After(cluster.Dice.Between(1000, 6000), () => cluster.Log.SlowMs = 0);
    }

    // The leader is the more interesting one.
    private static SimulatedServer? Choose(SimulatedCluster cluster) =>
        cluster.Log.Leader is { IsRunning: true } leader && cluster.Dice.Chance(50) ? leader : cluster.Dice.Of(cluster.Servers, s => s.IsRunning);
}
