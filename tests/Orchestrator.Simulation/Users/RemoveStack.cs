using Orchestrator.Model;
using Orchestrator.Simulation.Running;

namespace Orchestrator.Simulation.Users;

internal sealed class RemoveStack(string name) : UserAction
{
    public static UserAction? Choose(SimulatedCluster cluster, ClusterState seen) =>
        cluster.Dice.Of(seen.Stacks.Values, _ => true) is { } stack ? new RemoveStack(stack.Name) : null;

    public override string Text => $"remove stack {name}";

    public override string Subject => $"stack {name}";

    public override Operation? ToOperation(ClusterState state) => new() { RemoveStack = new() { Name = name } };

    public override bool IsDone(ClusterState state) =>
        !state.Stacks.ContainsKey(name) && !state.Services.Values.Any(s => s.Stack == name && !s.Removing);
}
