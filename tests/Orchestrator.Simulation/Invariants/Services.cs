using Orchestrator.Engine.Containers;
using Orchestrator.Model;
using Orchestrator.Model.Reconciling;
using Orchestrator.Simulation.Machines;
using Orchestrator.Simulation.Running;

namespace Orchestrator.Simulation.Invariants;

/// <summary>In the end every service has exactly the asked replicas of its current spec, serving on nodes where they may be; or a good reason, said in
/// words.</summary>
internal sealed class Services(SimulatedCluster cluster) : Invariant(cluster)
{
    public override IEnumerable<string> Unsettled()
    {
        var state = Cluster.Log.Newest;
        foreach (var service in state.Services.Values)
            if (service.Removing)
                yield return $"{service.Id} is still being removed";
            else
                foreach (var wrong in Wrong(state, service))
                    yield return wrong;
    }

    private IEnumerable<string> Wrong(ClusterState state, Service service)
    {
        var slots = AskedSlots.Of(state, service).All.Select(number => (Number: number, Why: Why(state, service, number))).ToList();
        // An update stops while something is missing anywhere in the service.
        var stopped = slots.Any(s => s.Why == "");
        foreach (var (number, why) in slots)
            if (why is { Length: > 0 } && !(stopped && Serving(state, service, number) is { } old && old.SpecRevision != service.SpecRevision))
                yield return $"{service.Id}.{number} ({service.Spec.Container.Image}): {why}";
    }

    private static Replica? Serving(ClusterState state, Service service, int number) =>
        state.ReplicasOf(service.Id).Slot(number).All.Where(r => r.IsLive()).ToList() is [var one]
        && one.Desired == DesiredState.DesiredRunning && one.IsServing() ? one : null;

    /// <summary>Null: as it should be. Empty: not, for a good reason. Else: what is wrong.</summary>
    private string? Why(ClusterState state, Service service, int number)
    {
        var all = state.ReplicasOf(service.Id).Slot(number).All;
        if (Serving(state, service, number) is { } one && one.SpecRevision == service.SpecRevision)
            return IsWhereItMayBe(state, service, one) ? IsReal(one) ? null : $"{one.Id} does not really run" : $"{one.Id} is on {one.NodeId}, where it may not be";
        return all.IsEmpty ? "nothing" : Excuse(state, service, all[^1]) ?? string.Join(", ", all.Select(Describe));
    }

    private bool IsReal(Replica replica) =>
        Cluster.Machine(replica.NodeId) is { IsOn: true } machine && machine.Containers.GetValueOrDefault(replica.Id) is { State: ContainerState.Running };

    private static bool IsWhereItMayBe(ClusterState state, Service service, Replica replica) =>
        state.Nodes.GetValueOrDefault(replica.NodeId) is { Status: NodeStatus.NodeReady, Availability: Availability.Active } node
        && Oracle.Allows(service.Spec, node);

    private static bool MayHave(Service service, int slot, Node node) => service.Spec.Mode != ServiceMode.Global || AskedSlots.SlotOf(node) == slot;

    /// <summary>Empty: a good one. Null: none.</summary>
    private static string? Excuse(ClusterState state, Service service, Replica newest)
    {
        var message = newest.Message;
        if (message.StartsWith("no node", StringComparison.Ordinal))
            return state.Nodes.Values.FirstOrDefault(n => MayHave(service, newest.Slot, n) && Oracle.Fits(state, service.Spec, n)) is { } node ? $"says '{message}', but {node.Id} has room" : "";
        if (message.StartsWith("waits for", StringComparison.Ordinal))
            return service.Spec.DependsOn.Count > 0 ? "" : $"says '{message}', but needs nobody";
        if (!newest.IsLive() && (message.StartsWith("not restarted", StringComparison.Ordinal) || newest.State() == ReplicaState.Complete))
            return service.Spec.Restart is { Condition: not RestartCondition.Any } or { MaxAttempts: > 0 } ? "" : null;
        // An update waits for its start condition as well, and says nothing.
        if (service.Spec.DependsOn.Count > 0 && newest.IsServing() && newest.SpecRevision != service.SpecRevision)
            return "";
        // A program that cannot run well may be anywhere on its way, and so are the slots that wait for it to prove itself.
        return SimulatedProgram.KindOf(service.Spec.Container.Image) != SimulatedProgram.Good ? "" : null;
    }

    private static string Describe(Replica r) =>
        $"{r.Id} {r.Desired} {r.State()} {r.Observed.Health} on '{r.NodeId}' of {r.SpecRevision} '{r.Message}' '{r.Observed.Message}'";
}
