namespace Orchestrator.Control.Dispatching;

/// <summary>How agents show that they live.</summary>
public sealed record HeartbeatRule(TimeSpan Period, TimeSpan DownAfter)
{
    public static HeartbeatRule Default { get; } = new(TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(3));
}

/// <summary>
/// Who was heard of when, by a monotonic clock in the leader's memory. A node that was not heard yet in this leadership has twice the time,
/// because its agent first has to find the leader. Not for concurrent use.
/// </summary>
public sealed class Liveness
{
    private readonly HeartbeatRule _rule;
    private readonly TimeProvider _time;
    private readonly Dictionary<string, (long At, bool Heard)> _nodes = [];
    private long _lastLook;

    /// <param name="expected">The nodes that count as ready: they too are down when they stay silent.</param>
    public Liveness(HeartbeatRule rule, TimeProvider time, IEnumerable<string> expected)
    {
        (_rule, _time) = (rule, time);
        _lastLook = time.GetTimestamp();
        foreach (var node in expected)
            _nodes[node] = (_lastLook, false);
    }

    public void Hear(string nodeId) => _nodes[nodeId] = (_time.GetTimestamp(), true);

    public void Forget(string nodeId) => _nodes.Remove(nodeId);

    /// <summary>The nodes that were silent for too long. Looking must be regular: if this process itself was paused, everybody gets new time.</summary>
    public IReadOnlyList<string> Silent()
    {
        var now = _time.GetTimestamp();
        if (_time.GetElapsedTime(_lastLook, now) > _rule.Period)
            GiveNewTime(now);
        _lastLook = now;
        return [.. _nodes.Where(n => _time.GetElapsedTime(n.Value.At, now) > Patience(n.Value.Heard)).Select(n => n.Key)];
    }

    /// <summary>Heard of within the time, in this leadership.</summary>
    public bool IsAlive(string nodeId) =>
        _nodes.TryGetValue(nodeId, out var node) && node.Heard && _time.GetElapsedTime(node.At) <= _rule.DownAfter;

    private TimeSpan Patience(bool heard) => heard ? _rule.DownAfter : _rule.DownAfter * 2;

    private void GiveNewTime(long now)
    {
        foreach (var node in _nodes.Keys)
            _nodes[node] = (now, false);
    }
}
