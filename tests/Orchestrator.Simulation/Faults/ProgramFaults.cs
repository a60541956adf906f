using Orchestrator.Engine.Containers;
using Orchestrator.Simulation.Machines;
using Orchestrator.Simulation.Running;

namespace Orchestrator.Simulation.Faults;

internal static class ProgramFaults
{
    public static IReadOnlyList<Fault> All { get; } =
    [
        new(5, Kill),
        new(2, Ail),
    ];

    private static void Kill(SimulatedCluster cluster)
    {
        if (Choose(cluster) is var (machine, container))
            machine.End(container, cluster.Dice.Of(0, 1, 137), oomKilled: cluster.Dice.Chance(20));
    }

    private static void Ail(SimulatedCluster cluster)
    {
        if (Choose(cluster) is not var (machine, container))
            return;
        cluster.Trace.Write(machine.Name, $"container {container.Id} ails");
        container.IsAiling = true;
        cluster.Time.After(cluster.Dice.Between(1000, 8000), () => container.IsAiling = false);
    }

    private static (SimulatedMachine, SimulatedContainer)? Choose(SimulatedCluster cluster)
    {
        var running = cluster.Machines.Where(m => m.IsOn)
            .SelectMany(m => m.Containers.Values.Where(c => c.State == ContainerState.Running).Select(c => (m, c))).ToList();
        return running.Count > 0 ? cluster.Dice.Of<(SimulatedMachine, SimulatedContainer)>(running) : null;
    }
}
