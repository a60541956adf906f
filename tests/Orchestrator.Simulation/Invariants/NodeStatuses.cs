using Orchestrator.Model;
using Orchestrator.Simulation.Running;

namespace Orchestrator.Simulation.Invariants;

/// <summary>A node whose agent lives is ready, and one whose machine is gone is down, in the end and while nothing is wrong with the servers.</summary>
internal sealed class NodeStatuses(SimulatedCluster cluster) : Invariant(cluster)
{
    private const long PatienceMs = 12_000;

    public override void Look()
    {
        if (Cluster.Log.SteadySinceMs is not { } steady || Cluster.Time.NowMs - steady < PatienceMs || Cluster.Log.SlowMs > 0)
            return;
        foreach (var machine in Cluster.Machines)
            if (Cluster.Time.NowMs - machine.OffSinceMs > PatienceMs
                && Cluster.Log.Newest.Nodes.GetValueOrDefault(machine.Name) is { Status: not NodeStatus.NodeDown } node)
                throw Violation($"{machine.Name} is off for {Cluster.Time.NowMs - machine.OffSinceMs} ms and still {node.Status}");
    }

    public override IEnumerable<string> Unsettled()
    {
        foreach (var machine in Cluster.Machines)
        {
            var wanted = machine.IsOn ? NodeStatus.NodeReady : NodeStatus.NodeDown;
            if (Cluster.Log.Newest.Nodes.GetValueOrDefault(machine.Name) is { } node ? node.Status != wanted : machine.IsOn)
                yield return $"{machine.Name} is {(machine.IsOn ? "on" : "off")}, its node is {Cluster.Log.Newest.Nodes.GetValueOrDefault(machine.Name)?.Status}";
        }
    }
}
