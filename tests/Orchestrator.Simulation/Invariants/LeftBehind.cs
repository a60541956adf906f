using Orchestrator.Model;
using Orchestrator.Simulation.Running;

namespace Orchestrator.Simulation.Invariants;

/// <summary>In the end machines hold what they were assigned and nothing else, and nothing of removed stacks is left in the state.</summary>
internal sealed class LeftBehind(SimulatedCluster cluster) : Invariant(cluster)
{
    public override IEnumerable<string> Unsettled()
    {
        var state = Cluster.Log.Newest;
        foreach (var network in state.Networks.Values.Where(n => !state.Stacks.ContainsKey(n.Stack)))
            yield return $"network {network.Id} is of no stack";
        foreach (var machine in Cluster.Machines.Where(m => m.IsOn))
        {
            var assigned = state.ReplicasOn(machine.Name).All;
            foreach (var id in machine.Records.Keys.Where(id => !assigned.ContainsKey(id)))
                yield return $"{machine.Name} still holds {id}";
            foreach (var container in machine.Running.Where(c => assigned.GetValueOrDefault(c.Id)?.IsLive() != true))
                yield return $"{machine.Name} still runs {container.Id}";
        }
    }
}
