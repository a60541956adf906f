using Google.Protobuf;
using Orchestrator.Model.Indexes;

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
        var services = snapshot.Services.Select(s => s.Clone()).ToList();
        var byId = services.ToDictionary(s => s.Id, StringComparer.Ordinal);
        var replicas = snapshot.Replicas.Select(r => WithSpec(r, byId)).ToList();
        return new ClusterState
        {
            Revision = snapshot.Revision,
            Term = snapshot.Term,
            Cluster = snapshot.Cluster?.Clone(),
            Stacks = ClusterState.ById<Stack>().AddRange(snapshot.Stacks.Select(s => KeyValuePair.Create(s.Name, s.Clone()))),
            Services = ClusterState.ById<Service>().AddRange(services.Select(s => KeyValuePair.Create(s.Id, s))),
            Networks = ClusterState.ById<Network>().AddRange(snapshot.Networks.Select(n => KeyValuePair.Create(n.Id, n.Clone()))),
            Nodes = ClusterState.ById<Node>().AddRange(snapshot.Nodes.Select(n => KeyValuePair.Create(n.Id, n.Clone()))),
            Replicas = ClusterState.ById<Replica>().AddRange(replicas.Select(r => KeyValuePair.Create(r.Id, r))),
            ByService = ClusterState.ById<ServiceReplicas>().AddRange(replicas.GroupBy(r => r.ServiceId, StringComparer.Ordinal)
                .Select(g => KeyValuePair.Create(g.Key, g.Aggregate(ServiceReplicas.None, (index, r) => index.Put(r))))),
            ByNode = ClusterState.ById<NodeReplicas>().AddRange(replicas.Where(r => r.IsPlaced()).GroupBy(r => r.NodeId, StringComparer.Ordinal)
                .Select(g => KeyValuePair.Create(g.Key, g.Aggregate(NodeReplicas.None, (index, r) => index.Put(r))))),
            Answered = snapshot.Answered.Aggregate(Answers.None, (answers, a) => answers.Add(a.RequestId, a.Result.Clone())),
        };
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

    private static Replica WithSpec(Replica replica, Dictionary<string, Service> services)
    {
        var copy = replica.Clone();
        copy.Spec ??= services[replica.ServiceId].Spec;
        return copy;
    }
}
