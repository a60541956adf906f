namespace Orchestrator.Model.Applying;

internal static class ReplicaChanges
{
    public static Refusal? Create(Draft draft, Replica wanted)
    {
        if (wanted.Id.Length == 0 || draft.Replica(wanted.Id) is not null)
            return Refuse.Conflict($"replica '{wanted.Id}': the id is empty or taken");
        if (draft.Service(wanted.ServiceId) is not { } service)
            return Refuse.NotFound($"replica {wanted.Id}: there is no service {wanted.ServiceId}");
        if (wanted.Slot < 1)
            return Refuse.Invalid($"replica {wanted.Id}: slot is {wanted.Slot}; slots count from 1");
        if (wanted.Spec is null && wanted.SpecRevision != service.SpecRevision)
            return Refuse.Conflict($"replica {wanted.Id}: spec revision {wanted.SpecRevision} is not the service's ({service.SpecRevision})");
        var node = wanted.IsPlaced() ? draft.Node(wanted.NodeId) : null;
        if (wanted.IsPlaced() && node is null)
            return Refuse.NotFound($"replica {wanted.Id}: there is no node {wanted.NodeId}");
        var replica = wanted.Copy();
        // Not the change's own copies of the same names: a large cluster would hold each of them a hundred thousand times.
        (replica.ServiceId, replica.Stack, replica.Service, replica.NodeId) = (service.Id, service.Stack, service.Name, node?.Id ?? "");
        replica.Spec = wanted.Spec?.Clone() ?? service.Spec;
        replica.Desired = DesiredState.DesiredRunning;
        replica.Observed = new Observed { State = wanted.IsPlaced() ? ReplicaState.Assigned : ReplicaState.Pending };
        replica.CreatedMs = draft.NowMs;
        replica.CreatedRevision = draft.Revision;
        replica.RunningMs = 0;
        draft.Put(replica);
        return null;
    }

    public static Refusal? Assign(Draft draft, AssignReplica assign)
    {
        if (draft.Replica(assign.ReplicaId) is not { } replica)
            return Unknown(assign.ReplicaId);
        if (draft.Node(assign.NodeId) is not { } node)
            return Refuse.NotFound($"replica {replica.Id}: there is no node {assign.NodeId}");
        if (replica.IsPlaced() || !replica.IsLive())
            return Refuse.Conflict($"replica {replica.Id}: it is placed or ended already; a replica is placed once");
        var next = replica.Copy();
        next.NodeId = node.Id;
        next.Message = "";
        next.Observed = new Observed { State = ReplicaState.Assigned };
        draft.Put(next);
        return null;
    }

    /// <summary>A replica that no agent holds yet ends at once.</summary>
    public static Refusal? SetDesired(Draft draft, SetDesired set)
    {
        if (draft.Replica(set.ReplicaId) is not { } replica)
            return Unknown(set.ReplicaId);
        if (replica.Desired == set.Desired)
            return null;
        if (set.Desired != DesiredState.DesiredShutdown)
            return Refuse.Invalid($"replica {replica.Id}: desired state went to shutdown and never goes back; create another replica");
        var next = replica.Copy();
        next.Desired = set.Desired;
        if (!replica.IsPlaced() && replica.IsLive())
            next.Observed = new Observed { State = ReplicaState.Shutdown, FinishedMs = draft.NowMs };
        draft.Put(next);
        return null;
    }

    public static Refusal? SetMessage(Draft draft, SetMessage set)
    {
        if (draft.Replica(set.ReplicaId) is not { } replica)
            return Unknown(set.ReplicaId);
        if (replica.Message == set.Message)
            return null;
        var next = replica.Copy();
        next.Message = set.Message;
        draft.Put(next);
        return null;
    }

    /// <summary>Reports may come late, twice, or after the record is reaped: what does not advance the state is passed over.</summary>
    public static Refusal? SetObserved(Draft draft, SetObserved report)
    {
        if (draft.Replica(report.ReplicaId) is not { } replica || report.Observed is not { } observed)
            return null;
        if (replica.NodeId != report.NodeId)
            return Refuse.Conflict($"replica {replica.Id}: it is on node '{replica.NodeId}', so node '{report.NodeId}' cannot report on it");
        if (!replica.IsLive() || IsLate(observed, replica.Observed) || !Enum.IsDefined(observed.State) || observed.Equals(replica.Observed))
            return null;
        var next = replica.Copy();
        next.Observed = observed.Clone();
        if (next.RunningMs == 0 && observed.State == ReplicaState.Running)
            next.RunningMs = draft.NowMs;
        draft.Put(next);
        return null;
    }

    // A check begins once, and one that found its container unhealthy ends it: health, too, only leads forward.
    private static bool IsLate(Observed report, Observed known) =>
        report.State < known.State || (report.State == known.State && report.Health < known.Health);

    /// <summary>Its node is lost: it counts as ended, and the node's agent must stop it if it ever comes back.</summary>
    public static Refusal? Orphan(Draft draft, string id)
    {
        if (draft.Replica(id) is not { } replica)
            return Unknown(id);
        if (!replica.IsLive())
            return null;
        var next = replica.Copy();
        next.Desired = DesiredState.DesiredShutdown;
        next.Observed = replica.Observed.Clone();
        next.Observed.State = ReplicaState.Orphaned;
        next.Observed.FinishedMs = draft.NowMs;
        draft.Put(next);
        return null;
    }

    public static Refusal? Remove(Draft draft, string id)
    {
        if (draft.Replica(id) is not { } replica)
            return Unknown(id);
        if (replica.IsLive())
            return Refuse.Conflict($"replica {id}: it is {replica.State()}; only a replica that ended is removed");
        draft.Remove(replica);
        return null;
    }

    private static Refusal Unknown(string id) => Refuse.NotFound($"replica {id}: there is no such replica");
}
