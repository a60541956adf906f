using Orchestrator.Model;
using Orchestrator.Simulation.Running;

namespace Orchestrator.Simulation.Users;

internal sealed class ApplyStack(StackSpec spec) : UserAction
{
    public static UserAction? Choose(SimulatedCluster cluster, ClusterState seen) =>
        new ApplyStack(SpecChoice.Stack(cluster.Dice, cluster.Dice.Of("shop", "blog")));

    public override string Text => $"apply {spec.Name}: {string.Join(", ", spec.Services.Select(SpecChoice.Describe))}";

    public override string Subject => $"stack {spec.Name}";

    public override Operation? ToOperation(ClusterState state) => new()
    {
        PutStack = new() { Spec = spec, ExpectedRevision = state.Stacks.GetValueOrDefault(spec.Name)?.Revision ?? 0 },
    };

    public override bool IsDone(ClusterState state) =>
        state.Stacks.GetValueOrDefault(spec.Name)?.Spec.Equals(spec) == true
        && spec.Services.All(s => state.Services.GetValueOrDefault($"{spec.Name}/{s.Name}") is { Removing: false } service && IsAsAsked(service, s))
        && state.Services.Values.Count(s => s.Stack == spec.Name && !s.Removing) == spec.Services.Count;

    // A version may have been rolled back since.
    private static bool IsAsAsked(Service service, ServiceSpec asked) =>
        service.Spec.Equals(asked) || service.History.Any(v => v.Spec.Equals(asked));
}
