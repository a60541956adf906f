using Orchestrator.Model;
using Orchestrator.Simulation.Running;

namespace Orchestrator.Simulation.Users;

/// <summary>Somebody pauses, resumes, undoes or restarts a rollout. It may be refused: nothing may be under way.</summary>
internal sealed class SteerRollout(Service service, RolloutVerb verb) : UserAction
{
    public static UserAction? Choose(SimulatedCluster cluster, ClusterState seen) =>
        cluster.Dice.Of(seen.Services.Values, s => !s.Removing) is { } service
            ? new SteerRollout(service, cluster.Dice.Of(Enum.GetValues<RolloutVerb>()))
            : null;

    /// <summary>Whoever paused it lets it go on.</summary>
    public static IEnumerable<UserAction> LetGo(ClusterState seen) =>
        seen.Services.Values.Where(s => !s.Removing && s.IsUnderWay() && s.Rollout.Held).Select(s => new SteerRollout(s, RolloutVerb.RolloutResume));

    public override string Text => $"{verb} of {service.Id}";

    public override string Subject => $"rollout of {service.Id}";

    public override Operation? ToOperation(ClusterState state) =>
        state.Services.ContainsKey(service.Id) ? new() { SteerRollout = new() { ServiceId = service.Id, Verb = verb } } : null;

    // What comes of it is judged by what runs in the end.
    public override bool IsDone(ClusterState state) => true;
}
