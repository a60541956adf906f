using Orchestrator.Engine.Containers;
using Orchestrator.Model;
using Orchestrator.Simulation.Machines;
using Orchestrator.Simulation.Running;

namespace Orchestrator.Simulation.Invariants;

/// <summary>In the end every service has exactly the asked replicas of its current spec, serving on nodes where they may be; or a good reason, said in words.</summary>
internal sealed class Services(SimulatedCluster cluster) : Invariant(cluster)
{
    public override IEnumerable<string> Unsettled()
    {
        var state = Cluster.Log.Newest;
        foreach (var service in state.Services.Values)
        {
            if (service.Removing)
                yield return $"{service.Id} is still being removed";
            for (var slot = 1; !service.Removing && slot <= service.Spec.Replicas; slot++)
                if (Why(state, service, slot) is { } wrong)
                    yield return $"{service.Id}.{slot} ({service.Spec.Container.Image}): {wrong}";
        }
    }

    private string? Why(ClusterState state, Service service, int number)
    {
        var all = state.ReplicasOf(service.Id).Slot(number).All;
        var live = all.Where(r => r.IsLive()).ToList();
        if (live is [var one] && one.Desired == DesiredState.DesiredRunning && one.SpecRevision == service.SpecRevision && one.IsServing())
            return IsWhereItMayBe(state, service, one) ? IsReal(one) ? null : $"{one.Id} does not really run" : $"{one.Id} is on {one.NodeId}, where it may not be";
        if (all.IsEmpty)
            return "nothing";
        return Excuse(state, service, all[^1]) is { } excuse ? Accepted(excuse) : string.Join(", ", all.Select(Describe));
    }

    private bool IsReal(Replica replica) =>
        Cluster.Machine(replica.NodeId) is { IsOn: true } machine && machine.Containers.GetValueOrDefault(replica.Id) is { State: ContainerState.Running };

    private static bool IsWhereItMayBe(ClusterState state, Service service, Replica replica) =>
        state.Nodes.GetValueOrDefault(replica.NodeId) is { Status: NodeStatus.NodeReady, Availability: Availability.Active } node && Oracle.Allows(service.Spec, node);

    private static string? Accepted(string excuse) => excuse.Length == 0 ? null : excuse;

    /// <summary>Empty: a good one. Null: none.</summary>
    private static string? Excuse(ClusterState state, Service service, Replica newest)
    {
        var message = newest.Message;
        if (message.StartsWith("no node", StringComparison.Ordinal))
            return state.Nodes.Values.FirstOrDefault(n => Oracle.Fits(state, service.Spec, n)) is { } node ? $"says '{message}', but {node.Id} has room" : "";
        if (message.StartsWith("waits for", StringComparison.Ordinal))
            return service.Spec.DependsOn.Count > 0 ? "" : $"says '{message}', but needs nobody";
        if (!newest.IsLive() && (message.StartsWith("not restarted", StringComparison.Ordinal) || newest.State() == ReplicaState.Complete))
            return service.Spec.Restart is { Condition: not RestartCondition.Any } or { MaxAttempts: > 0 } ? "" : null;
        // A program that cannot run well may be anywhere on its way, and so are the slots that wait for it to prove itself.
        return SimulatedProgram.KindOf(service.Spec.Container.Image) != SimulatedProgram.Good ? "" : null;
    }

    private static string Describe(Replica r) => $"{r.Id} {r.Desired} {r.State()} {r.Observed.Health} on '{r.NodeId}' of {r.SpecRevision} '{r.Message}' '{r.Observed.Message}'";
}
