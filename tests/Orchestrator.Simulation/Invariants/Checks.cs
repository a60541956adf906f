using Orchestrator.Model;
using Orchestrator.Model.Reconciling;
using Orchestrator.Simulation.Running;
using Orchestrator.Simulation.Servers;
using Orchestrator.Simulation.Users;

namespace Orchestrator.Simulation.Invariants;

/// <summary>All invariants of one run.</summary>
internal sealed class Checks(SimulatedCluster cluster)
{
    private readonly IReadOnlyList<Invariant> _all =
    [
        new Determinism(cluster),
        new Terms(cluster),
        new ReplicasAdvance(cluster),
        new Placements(cluster),
        new Specs(cluster),
        new Slots(cluster),
        new BackOff(cluster),
        new Endpoints(cluster),
        new NodeStatuses(cluster),
        new Services(cluster),
        new LeftBehind(cluster),
    ];

    public void Applied(ClusterState before, LogEntry entry)
    {
        Trace(entry);
        foreach (var invariant in _all)
            invariant.Applied(before, entry);
    }

    public void Reconciled(ClusterState state, long nowMs, ReconcileResult result)
    {
        foreach (var invariant in _all)
            invariant.Reconciled(state, nowMs, result);
    }

    public void Asked(UserRequest request)
    {
        foreach (var invariant in _all)
            invariant.Asked(request);
    }

    public void Acknowledged(UserRequest request, ChangeResult result)
    {
        foreach (var invariant in _all)
            invariant.Acknowledged(request, result);
    }

    public void Look()
    {
        foreach (var invariant in _all)
            invariant.Look();
    }

    public IReadOnlyList<string> Unsettled() => [.. _all.SelectMany(i => i.Unsettled().Select(u => $"{i.GetType().Name}: {u}"))];

    private void Trace(LogEntry entry)
    {
        if (!cluster.Trace.IsOn)
            return;
        var refused = entry.Result.Refusal is { } refusal ? $" REFUSED: {refusal.Message}" : "";
        var operations = string.Join("; ", entry.Change.Operations.Select(ChangeText.Of));
        cluster.Trace.Write("log", $"{entry.Revision} term {entry.Term} {operations}{refused}");
    }
}
