using Orchestrator.Model;
using Orchestrator.Simulation.Running;
using Orchestrator.Simulation.Servers;
using Orchestrator.Simulation.Users;

namespace Orchestrator.Simulation.Invariants;

/// <summary>What people asked for is in the state from its revision on, once however often it was asked, never lost after it was acknowledged, and changed by
/// nobody but people.</summary>
internal sealed class Specs(SimulatedCluster cluster) : Invariant(cluster)
{
    private readonly Dictionary<string, UserRequest> _asked = new(StringComparer.Ordinal);
    private readonly Dictionary<string, ChangeResult> _results = new(StringComparer.Ordinal);
    private readonly List<UserAction> _newest = [];

    public override void Asked(UserRequest request) => _asked[request.Id] = request;

    public override void Applied(ClusterState before, LogEntry entry)
    {
        var requestId = entry.Change.RequestId;
        if (requestId.Length == 0 || _results.ContainsKey(requestId) || entry.Result.Refusal is not null)
            CheckUntouched(before, entry);
        if (requestId.Length > 0)
            CheckRequest(_asked[requestId], entry);
    }

    public override void Acknowledged(UserRequest request, ChangeResult result)
    {
        var entry = Cluster.Log.Entries[(int)result.Revision - 1];
        if (entry.Change.RequestId != request.Id || !entry.Result.Equals(result))
            throw Violation($"{request.Id} was acknowledged with revision {result.Revision}, which is another change");
    }

    public override IEnumerable<string> Unsettled() =>
        _newest.Where(a => !a.IsDone(Cluster.Log.Newest)).Select(a => $"'{a.Text}' was committed and is not seen");

    private void CheckRolledBack(Service before, Service now)
    {
        var good = before.History.LastOrDefault(v => v.Good);
        if (before.Spec.Update?.FailureAction != FailureAction.Rollback || good is null || now.SpecRevision != good.SpecRevision || !now.Spec.Equals(good.Spec))
            throw Violation($"{before.Id} was rolled back from {before.SpecRevision} to {now.SpecRevision}, which it should not have been");
    }

    private void CheckRequest(UserRequest request, LogEntry entry)
    {
        if (_results.TryGetValue(request.Id, out var first))
        {
            if (!first.Equals(entry.Result))
                throw Violation($"{request.Id} was answered {first}, and the second time {entry.Result}");
            return;
        }
        _results[request.Id] = entry.Result;
        if (entry.Result.Refusal is not null)
            return;
        if (!request.Action.IsDone(entry.State))
            throw Violation($"{request.Id} '{request.Action.Text}' was applied in revision {entry.Revision} and is not seen there");
        _newest.RemoveAll(request.Action.Replaces);
        _newest.Add(request.Action);
    }

    private void CheckUntouched(ClusterState before, LogEntry entry)
    {
        var after = entry.State;
        if (!ReferenceEquals(before.Stacks, after.Stacks) && !before.Stacks.SequenceEqual(after.Stacks))
            throw Violation($"revision {after.Revision} changed stacks though nobody asked for it");
        if (ReferenceEquals(before.Services, after.Services))
            return;
        foreach (var service in before.Services.Values)
        {
            var now = after.Services.GetValueOrDefault(service.Id);
            if (now is not null && entry.Change.Operations.Any(o => o.SetRollout is { RollsBack: true } back && back.ServiceId == service.Id))
            {
                CheckRolledBack(service, now);
                continue;
            }
            if (now is null ? !service.Removing : !now.Spec.Equals(service.Spec) || now.SpecRevision != service.SpecRevision || now.Removing != service.Removing)
                throw Violation($"revision {after.Revision} changed service {service.Id} though nobody asked for it");
        }
    }
}
