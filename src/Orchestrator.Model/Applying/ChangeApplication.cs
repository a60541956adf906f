namespace Orchestrator.Model.Applying;

/// <summary>One change as a whole: repeated? of an old term? then all operations or none.</summary>
internal static class ChangeApplication
{
    public static (ClusterState, ChangeResult) Apply(ClusterState state, Change change, ulong revision, ulong term)
    {
        var newest = Math.Max(state.Term, term);
        if (change.RequestId.Length > 0 && state.Answered.Find(change.RequestId) is { } answered)
            return (new Draft(state, revision, newest, change.NowMs).ToState(state.Answered), answered);
        var draft = new Draft(state, revision, newest, change.NowMs);
        var refusal = change.Term != 0 && change.Term < newest ? Refuse.StaleTerm(change.Term, newest) : ApplyAll(draft, change);
        var result = new ChangeResult { Revision = revision, Refusal = refusal };
        var answers = change.RequestId.Length == 0 ? state.Answered : state.Answered.Add(change.RequestId, result);
        var kept = refusal is null ? draft : new Draft(state, revision, newest, change.NowMs);
        return (kept.ToState(answers), result);
    }

    private static Refusal? ApplyAll(Draft draft, Change change)
    {
        foreach (var operation in change.Operations)
            if (Apply(draft, operation) is { } refusal)
                return refusal;
        draft.Finish();
        return null;
    }

    private static Refusal? Apply(Draft draft, Operation operation) => operation.KindCase switch
    {
        Operation.KindOneofCase.PutCluster => ServerChanges.PutCluster(draft, operation.PutCluster),
        Operation.KindOneofCase.PutServer => ServerChanges.PutServer(draft, operation.PutServer.Server),
        Operation.KindOneofCase.RemoveServer => ServerChanges.RemoveServer(draft, operation.RemoveServer.Id),
        Operation.KindOneofCase.PutStack => StackChanges.Put(draft, operation.PutStack),
        Operation.KindOneofCase.RemoveStack => StackChanges.Remove(draft, operation.RemoveStack.Name),
        Operation.KindOneofCase.ScaleService => ServiceChanges.Scale(draft, operation.ScaleService),
        Operation.KindOneofCase.SteerRollout => Rollouts.Steer(draft, operation.SteerRollout),
        Operation.KindOneofCase.SetRollout => Rollouts.Set(draft, operation.SetRollout),
        Operation.KindOneofCase.RemoveService => ServiceChanges.Remove(draft, operation.RemoveService.ServiceId),
        Operation.KindOneofCase.ReapService => ServiceChanges.Reap(draft, operation.ReapService.ServiceId),
        Operation.KindOneofCase.PutNode => NodeChanges.Put(draft, operation.PutNode),
        Operation.KindOneofCase.SetNodeStatus => NodeChanges.SetStatus(draft, operation.SetNodeStatus),
        Operation.KindOneofCase.UpdateNode => NodeChanges.Update(draft, operation.UpdateNode),
        Operation.KindOneofCase.RemoveNode => NodeChanges.Remove(draft, operation.RemoveNode.NodeId),
        Operation.KindOneofCase.CreateReplica => ReplicaChanges.Create(draft, operation.CreateReplica),
        Operation.KindOneofCase.AssignReplica => ReplicaChanges.Assign(draft, operation.AssignReplica),
        Operation.KindOneofCase.SetDesired => ReplicaChanges.SetDesired(draft, operation.SetDesired),
        Operation.KindOneofCase.SetMessage => ReplicaChanges.SetMessage(draft, operation.SetMessage),
        Operation.KindOneofCase.SetObserved => ReplicaChanges.SetObserved(draft, operation.SetObserved),
        Operation.KindOneofCase.OrphanReplica => ReplicaChanges.Orphan(draft, operation.OrphanReplica.ReplicaId),
        Operation.KindOneofCase.RemoveReplica => ReplicaChanges.Remove(draft, operation.RemoveReplica.ReplicaId),
        Operation.KindOneofCase.Digest => null,
        _ => Refuse.Invalid("the change holds an operation of a kind that this server does not know"),
    };
}
