using Orchestrator.Model;
using Orchestrator.Simulation.Running;

namespace Orchestrator.Simulation.Users;

internal sealed class RemoveService(Service service) : UserAction
{
    public static UserAction? Choose(SimulatedCluster cluster, ClusterState seen) =>
        cluster.Dice.Of(seen.Services.Values, s => !s.Removing) is { } service ? new RemoveService(service) : null;

    public override string Text => $"remove service {service.Id}";

    public override string Subject => $"stack {service.Stack}";

    public override Operation? ToOperation(ClusterState state) =>
        state.Services.ContainsKey(service.Id) ? new() { RemoveService = new() { ServiceId = service.Id } } : null;

    public override bool IsDone(ClusterState state) => state.Services.GetValueOrDefault(service.Id) is null or { Removing: true };
}
