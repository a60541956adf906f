using Orchestrator.Model;
using Orchestrator.Simulation.Running;

namespace Orchestrator.Simulation.Users;

/// <summary>The kinds of actions and how often each is chosen. A new kind is one file and one line here.</summary>
internal static class UserActions
{
    private static readonly (int Weight, Func<SimulatedCluster, ClusterState, UserAction?> Choose)[] s_kinds =
    [
        (5, ApplyStack.Choose),
        (6, UpdateImage.Choose),
        (6, ScaleService.Choose),
        (3, SteerRollout.Choose),
        (1, RemoveStack.Choose),
        (1, RemoveService.Choose),
        (3, DrainNode.Choose),
        (2, LabelNode.Choose),
        (3, RemoveNode.Choose),
    ];

    /// <summary>Null: there is nothing of which it could be asked.</summary>
    public static UserAction? Choose(SimulatedCluster cluster, ClusterState seen)
    {
        var at = cluster.Dice.Between(1, s_kinds.Sum(k => k.Weight));
        foreach (var (weight, choose) in s_kinds)
            if ((at -= weight) <= 0)
                return choose(cluster, seen);
        return null;
    }
}
