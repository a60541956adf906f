using Microsoft.Extensions.Logging;
using Orchestrator.Engine.Containers;
using Orchestrator.Model;

namespace Orchestrator.Agent.Replicas;

/// <summary>All replicas of this node, each carried forward by its own runner, so that one that hangs holds up none.</summary>
internal sealed class ReplicaTable(ReplicaSurroundings around, CancellationToken stopping)
{
    private readonly Dictionary<string, ReplicaRunner> _runners = new(StringComparer.Ordinal);
    private readonly Lock _lock = new();

    /// <summary>Goes on with what an earlier agent held. Containers without a record of their replica are removed.</summary>
    /// <param name="isOthers">By id: no replica's, and not to be touched.</param>
    public async Task RecoverAsync(IReadOnlyList<ReplicaRecord> records, Func<string, bool> isOthers)
    {
        var known = records.Select(r => r.Assignment.ReplicaId).ToHashSet(StringComparer.Ordinal);
        foreach (var stray in around.Engine.Containers.Where(c => !known.Contains(c.Id) && !isOthers(c.Id)).ToList())
            await around.Engine.RemoveAsync(stray);
        foreach (var stray in around.Networks.Attachments.Where(a => !known.Contains(a.ContainerId) && !isOthers(a.ContainerId)).ToList())
            await around.Networks.DetachAsync(stray.ContainerId);
        lock (_lock)
            foreach (var record in records)
                Run(record);
    }

    public void Apply(Assignments assignments)
    {
        lock (_lock)
        {
            foreach (var assignment in assignments.Put)
                Put(assignment);
            foreach (var id in NoLongerAssigned(assignments, _runners.Keys))
                _runners[id].Remove();
        }
    }

    /// <summary>Those of the replicas held that are to be forgotten.</summary>
    internal static IReadOnlyList<string> NoLongerAssigned(Assignments assignments, IEnumerable<string> held)
    {
        if (!assignments.Whole)
            return [.. held.Where(assignments.Remove.Contains)];
        var put = assignments.Put.Select(a => a.ReplicaId).ToHashSet(StringComparer.Ordinal);
        return [.. held.Where(id => !put.Contains(id))];
    }

    public IReadOnlyList<SetObservedReport> Observed()
    {
        lock (_lock)
            return [.. _runners.Values.Select(r => new SetObservedReport { ReplicaId = r.Id, Observed = r.Observed })];
    }

    public Container? FindContainer(string replicaId)
    {
        lock (_lock)
            return _runners.GetValueOrDefault(replicaId)?.Container;
    }

    /// <summary>It is here and has not ended.</summary>
    public bool IsUnderWay(string replicaId)
    {
        lock (_lock)
            return _runners.TryGetValue(replicaId, out var runner) && !ReplicaFacts.IsFinal(runner.Observed.State);
    }

    /// <summary>"web.1"</summary>
    public string NameOf(string replicaId)
    {
        lock (_lock)
            return _runners.TryGetValue(replicaId, out var runner) ? $"{runner.Assignment.Service}.{runner.Assignment.Slot}" : replicaId;
    }

    private void Put(Assignment assignment)
    {
        if (_runners.TryGetValue(assignment.ReplicaId, out var runner))
        {
            if (!runner.Assignment.Equals(assignment))
                runner.Update(assignment);
            return;
        }
        var record = new ReplicaRecord(assignment, new Observed { State = ReplicaState.Assigned });
        around.Save(record);
        Run(record);
    }

    private void Run(ReplicaRecord record)
    {
        var runner = new ReplicaRunner(around, record);
        _runners.Add(runner.Id, runner);
        _ = Task.Run(() => CarryAsync(runner));
    }

    private async Task CarryAsync(ReplicaRunner runner)
    {
        try
        {
            await runner.RunAsync(stopping);
        }
        catch (OperationCanceledException) when (stopping.IsCancellationRequested)
        {
            return;
        }
        lock (_lock)
            _runners.Remove(runner.Id);
        runner.Dispose();
        around.Logger.LogDebug("replica {Id} is removed", runner.Id);
    }
}
