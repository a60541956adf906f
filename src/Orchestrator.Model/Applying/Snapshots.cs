using Google.Protobuf;

namespace Orchestrator.Model.Applying;

/// <summary>State to snapshot and back. A replica that runs just what its service says does not repeat the spec.</summary>
internal static class Snapshots
{
    public static StateSnapshot Write(ClusterState state)
    {
        var snapshot = new StateSnapshot { Revision = state.Revision, Term = state.Term, Cluster = state.Cluster };
        snapshot.Stacks.AddRange(state.Stacks.Values);
        snapshot.Services.AddRange(state.Services.Values);
        snapshot.Networks.AddRange(state.Networks.Values);
        snapshot.Nodes.AddRange(state.Nodes.Values);
        snapshot.Replicas.AddRange(state.Replicas.Values.Select(r => WithoutRepeatedSpec(r, state.Services.GetValueOrDefault(r.ServiceId))));
        snapshot.Answered.AddRange(state.Answered.OldestFirst);
        return snapshot;
    }

    public static ClusterState Read(StateSnapshot snapshot)
    {
        var state = new ClusterState
        {
            Revision = snapshot.Revision,
            Term = snapshot.Term,
            Cluster = snapshot.Cluster?.Clone(),
            Stacks = ClusterState.ById<Stack>().AddRange(snapshot.Stacks.Select(s => KeyValuePair.Create(s.Name, s.Clone()))),
            Networks = ClusterState.ById<Network>().AddRange(snapshot.Networks.Select(n => KeyValuePair.Create(n.Id, n.Clone()))),
            Answered = snapshot.Answered.Aggregate(Answers.None, (answers, a) => answers.Add(a.RequestId, a.Result.Clone())),
        };
        var draft = new Draft(state, snapshot.Revision, snapshot.Term, 0);
        foreach (var node in snapshot.Nodes)
            draft.Load(node.Clone());
        foreach (var service in snapshot.Services)
            draft.Load(service.Clone());
        foreach (var replica in snapshot.Replicas)
            draft.Load(WithSpec(replica, draft));
        draft.Finish();
        return draft.ToState(state.Answered);
    }

    /// <summary>Maps have no order of their own in protobuf: here they are written sorted by key.</summary>
    public static byte[] CanonicalBytes(StateSnapshot snapshot)
    {
        var bytes = new byte[snapshot.CalculateSize()];
        var output = new CodedOutputStream(bytes) { Deterministic = true };
        snapshot.WriteTo(output);
        output.CheckNoSpaceLeft();
        return bytes;
    }

    private static Replica WithoutRepeatedSpec(Replica replica, Service? service)
    {
        if (service is null || replica.SpecRevision != service.SpecRevision || !replica.Spec.Equals(service.Spec))
            return replica;
        var copy = replica.Copy();
        copy.Spec = null;
        return copy;
    }

    private static Replica WithSpec(Replica replica, Draft draft)
    {
        var copy = replica.Clone();
        copy.Spec ??= draft.Service(replica.ServiceId)!.Spec;
        return copy;
    }
}
