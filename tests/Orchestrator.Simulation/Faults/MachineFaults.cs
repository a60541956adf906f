using Orchestrator.Simulation.Machines;
using Orchestrator.Simulation.Running;

namespace Orchestrator.Simulation.Faults;

internal static class MachineFaults
{
    public static IReadOnlyList<Fault> All { get; } =
    [
        new(4, Lose),
        new(2, FillDisk),
        new(2, LoseRegistry),
        new(2, Slow),
        new(1, JumpClock),
        new(1, Join),
    ];

    private static void Lose(SimulatedCluster cluster)
    {
        if (Choose(cluster) is not { } machine)
            return;
        machine.PowerOff();
        var wiped = cluster.Dice.Chance(25);
        cluster.Time.After(cluster.Dice.Between(200, 15_000), () => machine.PowerOn(wiped));
    }

    private static void FillDisk(SimulatedCluster cluster)
    {
        if (Choose(cluster) is not { } machine)
            return;
        cluster.Trace.Write(machine.Name, $"disk is full");
        machine.IsDiskFull = true;
        cluster.Time.After(cluster.Dice.Between(500, 8000), () => machine.IsDiskFull = false);
    }

    private static void LoseRegistry(SimulatedCluster cluster)
    {
        if (Choose(cluster) is not { } machine)
            return;
        cluster.Trace.Write(machine.Name, $"cannot reach the registry");
        machine.HasNoRegistry = true;
        cluster.Time.After(cluster.Dice.Between(500, 8000), () => machine.HasNoRegistry = false);
    }

    private static void Slow(SimulatedCluster cluster)
    {
        if (Choose(cluster) is not { } machine)
            return;
        machine.SlowMs = cluster.Dice.Between(20, 1500);
        cluster.Trace.Write(machine.Name, $"needs {machine.SlowMs} ms more for everything");
        cluster.Time.After(cluster.Dice.Between(1000, 8000), () => machine.SlowMs = 0);
    }

    private static void JumpClock(SimulatedCluster cluster)
    {
        if (Choose(cluster) is { } machine)
            machine.ClockOffsetMs += cluster.Dice.Between(-20_000, 20_000);
    }

    private static void Join(SimulatedCluster cluster)
    {
        if (cluster.Machines.Count < SimulatedCluster.MachinesMax)
            cluster.AddMachine();
    }

    private static SimulatedMachine? Choose(SimulatedCluster cluster) => cluster.Dice.Of(cluster.Machines, m => m.IsOn);
}
