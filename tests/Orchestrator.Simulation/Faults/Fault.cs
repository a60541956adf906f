using Orchestrator.Simulation.Running;

namespace Orchestrator.Simulation.Faults;

/// <summary>A kind of trouble. It ends by itself or with the chaos.</summary>
/// <param name="Weight">How often it is chosen.</param>
/// <param name="Begin">Chooses whom it hits, and begins; may find nobody.</param>
internal sealed record Fault(int Weight, Action<SimulatedCluster> Begin)
{
    private static readonly IReadOnlyList<Fault> s_all = [.. ServerFaults.All, .. AgentFaults.All, .. MachineFaults.All, .. NetworkFaults.All, .. ProgramFaults.All];

    public static void Happen(SimulatedCluster cluster)
    {
        var at = cluster.Dice.Between(1, s_all.Sum(f => f.Weight));
        s_all.First(f => (at -= f.Weight) <= 0).Begin(cluster);
    }
}
