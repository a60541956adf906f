using Orchestrator.Model;

namespace Orchestrator.Agent.Session;

/// <summary>Observed states that the leader has not been told yet: the newest of each replica.</summary>
public sealed class ObservedReports : IDisposable
{
    private readonly Lock _lock = new();
    private readonly SemaphoreSlim _arrived = new(0, 1);
    private Dictionary<string, Observed> _pending = new(StringComparer.Ordinal);

    /// <param name="observed">Not changed any more by the caller.</param>
    public void Put(string replicaId, Observed observed)
    {
        lock (_lock)
        {
            if (!_pending.TryGetValue(replicaId, out var known) || known.State <= observed.State)
                _pending[replicaId] = observed;
            if (_arrived.CurrentCount == 0)
                _arrived.Release();
        }
    }

    /// <returns>False when nothing came in time.</returns>
    public Task<bool> WaitAsync(TimeSpan timeout, CancellationToken cancellationToken) => _arrived.WaitAsync(timeout, cancellationToken);

    public IReadOnlyList<SetObservedReport> Take()
    {
        lock (_lock)
        {
            var taken = _pending;
            _pending = new Dictionary<string, Observed>(StringComparer.Ordinal);
            return [.. taken.Select(p => new SetObservedReport { ReplicaId = p.Key, Observed = p.Value })];
        }
    }

    public void Dispose() => _arrived.Dispose();
}
