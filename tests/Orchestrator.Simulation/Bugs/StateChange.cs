using System.Collections.Immutable;
using Orchestrator.Model;
using Orchestrator.Model.Applying;

namespace Orchestrator.Simulation.Bugs;

/// <summary>States that no change led to, as a planted bug sees or makes them.</summary>
internal static class StateChange
{
    public static ClusterState With(this ClusterState state, Func<Node, Node> node) => new()
    {
        Revision = state.Revision,
        Term = state.Term,
        Cluster = state.Cluster,
        Stacks = state.Stacks,
        Services = state.Services,
        Networks = state.Networks,
        Nodes = state.Nodes.ToImmutableSortedDictionary(n => n.Key, n => node(n.Value.Clone()), StringComparer.Ordinal),
        Replicas = state.Replicas,
        ByService = state.ByService,
        ByNode = state.ByNode,
        Answered = state.Answered,
    };

    public static Replica With(Replica replica, Observed observed)
    {
        var other = replica.Clone();
        other.Observed = observed.Clone();
        return other;
    }

    public static ClusterState With(this ClusterState state, IEnumerable<Replica> replicas)
    {
        var draft = new Draft(state, state.Revision, state.Term, 0);
        foreach (var replica in replicas)
            draft.Load(replica);
        draft.Finish();
        return draft.ToState(state.Answered);
    }
}
