using Orchestrator.Model;
using Orchestrator.Simulation.Machines;
using Orchestrator.Simulation.Running;

namespace Orchestrator.Simulation.Users;

/// <summary>The stack as it is, applied again with another image in one service.</summary>
internal static class UpdateImage
{
    public static UserAction? Choose(SimulatedCluster cluster, ClusterState seen) =>
        cluster.Dice.Of(seen.Stacks.Values, s => s.Spec.Services.Count > 0) is { } stack
            ? new ApplyStack(With(stack.Spec, cluster.Dice.Between(0, stack.Spec.Services.Count - 1), SpecChoice.Image(cluster.Dice)))
            : null;

    /// <summary>Whoever made images that cannot run ships others.</summary>
    public static UserAction? Mend(ClusterState seen, string stack)
    {
        var spec = seen.Stacks[stack].Spec.Clone();
        var bad = spec.Services.Where(s => SimulatedProgram.KindOf(s.Container.Image) != SimulatedProgram.Good).ToList();
        foreach (var service in bad)
            service.Container.Image = SimulatedProgram.Image(SimulatedProgram.Good, 99);
        return bad.Count > 0 ? new ApplyStack(spec) : null;
    }

    private static StackSpec With(StackSpec stack, int service, string image)
    {
        var spec = stack.Clone();
        spec.Services[service].Container.Image = image;
        return spec;
    }
}
