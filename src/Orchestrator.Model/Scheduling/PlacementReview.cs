using Orchestrator.Model.Applying;

namespace Orchestrator.Model.Scheduling;

/// <summary>Why a replica is where it is, or nowhere: what the scheduler would say of every node if it placed the replica now.</summary>
public static class PlacementReview
{
    /// <summary>The nodes that could take it, best first, then those that could not and why. The replica itself does not count.</summary>
    public static IReadOnlyList<NodeVerdict> Of(ClusterState state, Replica replica)
    {
        var service = state.Services[replica.ServiceId];
        var scheduler = new Scheduler(Without(state, replica));
        var placing = new Placing(scheduler, service.Id, PlacementRules.For(service, replica));
        var candidates = state.Nodes.Values.Select(scheduler.CandidateOf).ToList();
        var groups = new SpreadCounts(placing, candidates.Where(c => c.TakesReplicas));
        return
        [
            .. candidates.Select(c => (Node: c, Refusal: placing.Refusal(c), Paths: groups.PathsOf(c)))
                .OrderBy(c => c.Refusal is not null)
                .ThenBy(c => c.Paths, Comparer<string[]>.Create(groups.Compare))
                .ThenBy(c => placing.RankOf(c.Node))
                .Select(c => Verdict(c.Node, c.Refusal, placing, groups, c.Paths, replica)),
        ];
    }

    private static NodeVerdict Verdict(Candidate candidate, Filter? refusal, Placing placing, SpreadCounts groups, string[] paths, Replica replica) => new()
    {
        NodeId = candidate.Node.Id,
        Hostname = candidate.Node.Hostname,
        Refusal = refusal?.Explain ?? "",
        Current = candidate.Node.Id == replica.NodeId,
        OfService = placing.Counts.Staying(candidate.Node.Id),
        FreePermille = (int)candidate.Rank.FreeShare,
        Live = candidate.Live,
        Groups = { placing.Spec.Spread.Zip(paths, (field, path) => new SpreadGroup { Field = field, Value = path[(path.LastIndexOf('\0') + 1)..], Replicas = groups.Of(path) }) },
    };

    private static ClusterState Without(ClusterState state, Replica replica)
    {
        var draft = new Draft(state, state.Revision, state.Term, 0);
        draft.Remove(replica);
        draft.Finish();
        return draft.ToState(state.Answered);
    }
}
