using Orchestrator.Model;

namespace Orchestrator.Simulation.Invariants;

internal static class Touched
{
    /// <summary>Replicas that the change is about, as far as they are there afterwards. Now and then all, so that nothing is changed behind its back.</summary>
    public static IEnumerable<Replica> Replicas(Change change, ClusterState after) =>
        after.Revision % 64 == 0 || change.Operations.Any(o => o.RemoveNode is not null)
            ? after.Replicas.Values
            : change.Operations.Select(IdOf).OfType<string>().Distinct().Select(id => after.Replicas.GetValueOrDefault(id)).OfType<Replica>();

    private static string? IdOf(Operation operation) => operation.KindCase switch
    {
        Operation.KindOneofCase.CreateReplica => operation.CreateReplica.Id,
        Operation.KindOneofCase.AssignReplica => operation.AssignReplica.ReplicaId,
        Operation.KindOneofCase.SetDesired => operation.SetDesired.ReplicaId,
        Operation.KindOneofCase.SetMessage => operation.SetMessage.ReplicaId,
        Operation.KindOneofCase.SetObserved => operation.SetObserved.ReplicaId,
        Operation.KindOneofCase.OrphanReplica => operation.OrphanReplica.ReplicaId,
        _ => null,
    };
}
