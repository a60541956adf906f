using System.Globalization;
using Orchestrator.Model.Reconciling;

namespace Orchestrator.Model.Planning;

/// <summary>Where the new replicas of a stack would go if its spec were applied now: tried out on a state that is thrown away.</summary>
public static class PlacementPreview
{
    private const int NodesShown = 10;

    /// <summary>A line for each service of which the first round would make replicas: "web: worker-1 (2), worker-2", "web: 1 waits: no node: 2 drained".</summary>
    public static IReadOnlyDictionary<string, IReadOnlyList<string>> Of(ClusterState state, StackSpec spec)
    {
        var change = new Change { Operations = { new Operation { PutStack = new() { Spec = spec } } } };
        var next = state.Apply(change, state.Revision + 1, state.Term).State;
        // At no time at all: what waits for a time goes on waiting.
        var placed = Reconciler.Reconcile(next, nowMs: 0, seed: 0).Operations.Select(o => Replica(next, o)).OfType<Replica>();
        return placed.GroupBy(r => r.ServiceId, StringComparer.Ordinal)
            .Where(g => next.Services[g.Key].Stack == spec.Name)
            .ToDictionary(g => next.Services[g.Key].Name, g => Lines(next, g), StringComparer.Ordinal);
    }

    private static Replica? Replica(ClusterState state, Operation operation)
    {
        if (operation.AssignReplica is not { } assign)
            return operation.CreateReplica;
        var replica = state.Replicas[assign.ReplicaId].Copy();
        replica.NodeId = assign.NodeId;
        return replica;
    }

    private static IReadOnlyList<string> Lines(ClusterState state, IEnumerable<Replica> replicas)
    {
        var all = replicas.ToList();
        var nodes = all.Where(r => r.IsPlaced()).CountBy(r => state.Nodes[r.NodeId].Hostname).OrderByDescending(n => n.Value).ThenBy(n => n.Key, StringComparer.Ordinal)
            .Select(n => n.Value == 1 ? n.Key : Text($"{n.Key} ({n.Value})")).ToList();
        var shown = string.Join(", ", nodes.Take(NodesShown)) + (nodes.Count > NodesShown ? Text($" and {nodes.Count - NodesShown} more") : "");
        var waiting = all.Where(r => !r.IsPlaced()).CountBy(r => r.Message).Select(m => Text($"{m.Value} would wait: {m.Key}"));
        return nodes.Count > 0 ? [$"would go to {shown}", .. waiting] : [.. waiting];
    }

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
