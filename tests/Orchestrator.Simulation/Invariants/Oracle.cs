using Orchestrator.Model;

namespace Orchestrator.Simulation.Invariants;

/// <summary>The rules for placing, written once more and simply.</summary>
internal static class Oracle
{
    /// <summary>Constraints here are all on the label "zone".</summary>
    public static bool Allows(ServiceSpec spec, Node node)
    {
        var zone = node.Labels.TryGetValue("zone", out var value) ? value : "";
        return spec.Constraints.All(c => c == $"node.labels.zone=={zone}" || (c.Contains('!', StringComparison.Ordinal) && c != $"node.labels.zone!={zone}"));
    }

    /// <summary>One more replica has its place there.</summary>
    public static bool Fits(ClusterState state, ServiceSpec spec, Node node)
    {
        var live = state.ReplicasOn(node.Id).All.Values.Where(r => r.IsLive()).ToList();
        var asked = spec.Reservations ?? new();
        return node.Status == NodeStatus.NodeReady && node.Availability == Availability.Active && Allows(spec, node)
            && (asked.NanoCpus == 0 || live.Sum(r => r.Spec.Reservations?.NanoCpus ?? 0) + asked.NanoCpus <= node.Description.NanoCpus)
            && (asked.MemoryBytes == 0 || live.Sum(r => r.Spec.Reservations?.MemoryBytes ?? 0) + asked.MemoryBytes <= node.Description.MemoryBytes)
            && !spec.Ports.Any(p => live.Any(r => r.Spec.Ports.Any(q => q.Published == p.Published)));
    }

    public static bool IsBackend(ClusterState state, Replica replica) =>
        replica.Desired == DesiredState.DesiredRunning && replica.Observed.State == ReplicaState.Running
        && (replica.Observed.Health == Health.None || replica.Observed.Health == Health.Healthy)
        && state.Services[replica.ServiceId] is { Removing: false }
        && state.Nodes.TryGetValue(replica.NodeId, out var node) && node.Status != NodeStatus.NodeDown;
}
