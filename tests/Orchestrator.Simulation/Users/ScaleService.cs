using Orchestrator.Model;
using Orchestrator.Simulation.Running;

namespace Orchestrator.Simulation.Users;

internal sealed class ScaleService(Service service, int replicas) : UserAction
{
    public static UserAction? Choose(SimulatedCluster cluster, ClusterState seen) =>
        cluster.Dice.Of(seen.Services.Values, s => !s.Removing) is { } service ? new ScaleService(service, cluster.Dice.Between(0, 5)) : null;

    public override string Text => $"scale {service.Id} {replicas}";

    public override string Subject => $"stack {service.Stack}";

    public override Operation? ToOperation(ClusterState state) =>
        state.Services.ContainsKey(service.Id) ? new() { ScaleService = new() { ServiceId = service.Id, Replicas = replicas } } : null;

    public override bool IsDone(ClusterState state) => state.Services.GetValueOrDefault(service.Id) is { } now && (now.Removing || now.Spec.Replicas == replicas || now.History.Any(v => v.Spec.Replicas == replicas));
}
