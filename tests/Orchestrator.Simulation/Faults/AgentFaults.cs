using Orchestrator.Simulation.Machines;
using Orchestrator.Simulation.Running;

namespace Orchestrator.Simulation.Faults;

internal static class AgentFaults
{
    public static IReadOnlyList<Fault> All { get; } =
    [
        new(4, Crash),
        new(4, Pause),
        new(2, BreakSession),
    ];

    private static void Crash(SimulatedCluster cluster)
    {
        if (Choose(cluster) is not { } machine)
            return;
        machine.CrashAgent();
        cluster.Time.After(cluster.Dice.Between(50, 8000), machine.StartAgent);
    }

    private static void Pause(SimulatedCluster cluster)
    {
        if (Choose(cluster) is not { Agent: { IsPaused: false } agent })
            return;
        cluster.Trace.Write(agent.NodeId, $"agent is paused");
        agent.Pause();
        cluster.Time.After(cluster.Dice.Between(100, 9000), agent.Resume);
    }

    private static void BreakSession(SimulatedCluster cluster)
    {
        if (Choose(cluster) is not { } machine)
            return;
        cluster.Trace.Write(machine.Name, $"connections are reset");
        cluster.Network.Break(machine.Name);
    }

    private static SimulatedMachine? Choose(SimulatedCluster cluster) => cluster.Dice.Of(cluster.Machines, m => m.Agent is not null);
}
