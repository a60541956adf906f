using Orchestrator.Model.Applying;
using Orchestrator.Model.Scheduling;

namespace Orchestrator.Model.Reconciling;

/// <summary>One reconciliation: gathers operations in the order in which they must be applied, and places what needs a node at the end, as one batch.</summary>
internal sealed class Round(ClusterState state, long nowMs, ulong seed)
{
    private readonly List<Operation> _operations = [];
    private readonly List<Wanted> _wanted = [];
    private readonly HashSet<string> _leaving = new(StringComparer.Ordinal);

    public ClusterState State => state;

    public long NowMs => nowMs;

    public IReadOnlyList<Operation> Operations => _operations;

    /// <summary>Operations, and replicas that are still to be placed.</summary>
    public int Count => _operations.Count + _wanted.Count;

    public long? WakeMs { get; private set; }

    public string NewId(string serviceId, int slot) => SeedHash.Id(seed, state.Revision, serviceId, slot);

    public void WakeAt(long timeMs) => WakeMs = Math.Min(WakeMs ?? long.MaxValue, timeMs);

    public void Orphan(Replica replica)
    {
        if (_leaving.Add(replica.Id))
            _operations.Add(new() { OrphanReplica = new() { ReplicaId = replica.Id } });
    }

    public void Shut(Replica replica)
    {
        _leaving.Add(replica.Id);
        _operations.Add(new() { SetDesired = new() { ReplicaId = replica.Id, Desired = DesiredState.DesiredShutdown } });
    }

    public void Remove(Replica replica) => _operations.Add(new() { RemoveReplica = new() { ReplicaId = replica.Id } });

    public void Reap(Service service) => _operations.Add(new() { ReapService = new() { ServiceId = service.Id } });

    public void SetRollout(Service service, RolloutState state, string message) => _operations.Add(new()
    {
        SetRollout = new() { ServiceId = service.Id, SpecRevision = service.SpecRevision, State = state, Message = message },
    });

    /// <summary>Returns to the last good version; what follows is decided for the service as it then is.</summary>
    public Service RollBack(Service service, string reason)
    {
        _operations.Add(new() { SetRollout = new() { ServiceId = service.Id, SpecRevision = service.SpecRevision, Message = reason, RollsBack = true } });
        var next = service.Clone();
        Rollouts.Return(next, Rollouts.LastGood(next)!, reason, nowMs);
        return next;
    }

    public void Message(Replica replica, string message)
    {
        if (replica.Message != message)
            _operations.Add(new() { SetMessage = new() { ReplicaId = replica.Id, Message = message } });
    }

    public void Place(Wanted wanted) => _wanted.Add(wanted);

    /// <summary>It stays, or is created, without a node.</summary>
    public void Hold(Wanted wanted, string message)
    {
        if (!wanted.IsNew)
            Message(wanted.Replica, message);
        else
            Create(wanted, "", message);
    }

    public void PlaceAll()
    {
        if (_wanted.Count == 0)
            return;
        foreach (var ofService in _wanted.Where(w => w.IsFirstStart).GroupBy(w => w.Service.Id).ToList())
            HoldWaiting(ofService.ToList());
        var scheduler = new Scheduler(state);
        var alike = _wanted.GroupBy(w => (w.Service.Id, w.Replica.SpecRevision)).Select(g => g.ToList());
        foreach (var wanted in Neighbours.InOrder(alike, w => w[0].Service, state))
            PlaceAlike(scheduler, wanted);
    }

    // What this round itself stops is nothing to rely on.
    private void HoldWaiting(List<Wanted> ofService)
    {
        if (StartCondition.WaitsFor(state, ofService[0].Service, _leaving) is not { } reason)
            return;
        foreach (var wanted in ofService)
            Hold(wanted, reason);
        _wanted.RemoveAll(w => w.IsFirstStart && w.Service.Id == ofService[0].Service.Id);
    }

    private void PlaceAlike(Scheduler scheduler, List<Wanted> alike)
    {
        var service = alike[0].Service;
        var spec = PlacementRules.For(service, alike[0].Replica);
        if (alike[0].Only is not null)
        {
            foreach (var wanted in alike)
                Settle([wanted], scheduler.PlaceOn(service.Id, spec, wanted.Only!));
            return;
        }
        if (KeepsData(spec))
        {
            foreach (var wanted in alike)
                Settle([wanted], scheduler.PlaceAtHome(service.Id, spec, Home(wanted)));
            return;
        }
        Settle(alike, scheduler.Place(service.Id, spec, alike.Count));
    }

    private void Settle(List<Wanted> alike, (IReadOnlyList<Node> Placed, string? Reason) found)
    {
        for (var i = 0; i < alike.Count; i++)
            if (i < found.Placed.Count)
                Assign(alike[i], found.Placed[i].Id);
            else
                GoWithoutPlace(alike[i], found.Reason!);
    }

    // A named volume is on one machine: elsewhere the replica would begin with an empty one.
    private static bool KeepsData(ServiceSpec spec) =>
        spec.Container?.Mounts.Any(m => m.Type == MountType.Volume && m.Source.Length > 0) == true;

    /// <summary>Where the slot's last replica was.</summary>
    private string? Home(Wanted wanted) =>
        state.ReplicasOf(wanted.Service.Id).Slot(wanted.Replica.Slot).All.LastOrDefault(r => r.Id != wanted.Replica.Id && r.IsPlaced())?.NodeId;

    // A node must be emptied even when there is no other place.
    private void GoWithoutPlace(Wanted wanted, string reason)
    {
        foreach (var predecessor in wanted.Predecessors)
            Shut(predecessor);
        Hold(wanted, reason);
    }

    private void Assign(Wanted wanted, string nodeId)
    {
        if (wanted.IsNew)
            Create(wanted, nodeId, "");
        else
            _operations.Add(new() { AssignReplica = new() { ReplicaId = wanted.Replica.Id, NodeId = nodeId } });
    }

    private void Create(Wanted wanted, string nodeId, string message)
    {
        var replica = wanted.Replica.Copy();
        replica.NodeId = nodeId;
        replica.Message = message;
        if (replica.SpecRevision == wanted.Service.SpecRevision)
            replica.Spec = null;
        _operations.Add(new() { CreateReplica = replica });
    }
}
