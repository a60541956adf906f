namespace Orchestrator.Model.Reconciling;

/// <summary>A replica that needs a node.</summary>
/// <param name="Service">Whose it is.</param>
/// <param name="Replica">The replica; with its spec, even when the operation will not carry it.</param>
/// <param name="IsNew">Not in the state yet: it is created with its place, or to wait.</param>
/// <param name="IsFirstStart">No replica of the slot ran this spec: it waits for what the service depends on.</param>
/// <param name="Only">The one node that it may be on; null: any.</param>
/// <param name="Predecessors">Replicas of the slot that serve until this one does, on nodes that they must leave.</param>
internal sealed record Wanted(Service Service, Replica Replica, bool IsNew, bool IsFirstStart, Node? Only, IReadOnlyList<Replica> Predecessors);
