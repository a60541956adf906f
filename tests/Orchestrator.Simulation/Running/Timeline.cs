namespace Orchestrator.Simulation.Running;

/// <summary>Virtual time in milliseconds and what is to happen. Events of one moment happen in the order in which they were asked for.</summary>
internal sealed class Timeline : TimeProvider
{
    private readonly PriorityQueue<Action, (long AtMs, long Number)> _events = new();
    private long _number;

    public long NowMs { get; private set; }

    public override long TimestampFrequency => TimeSpan.TicksPerSecond;

    public override long GetTimestamp() => NowMs * TimeSpan.TicksPerMillisecond;

    public override DateTimeOffset GetUtcNow() => throw new InvalidOperationException("wall clocks belong to servers and machines");

    public void After(long delayMs, Action happen) => _events.Enqueue(happen, (NowMs + Math.Max(0, delayMs), _number++));

    /// <summary>The next event happens; false when the next one is after <paramref name="untilMs"/>, which is then now.</summary>
    public bool Step(long untilMs)
    {
        if (!_events.TryPeek(out var happen, out var key) || key.AtMs > untilMs)
        {
            NowMs = untilMs;
            return false;
        }
        _events.Dequeue();
        NowMs = key.AtMs;
        happen();
        return true;
    }
}
