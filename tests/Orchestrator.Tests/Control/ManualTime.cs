using System.Threading.Channels;

namespace Orchestrator.Tests.Control;

/// <summary>A clock that only the test moves.</summary>
internal sealed class ManualTime : TimeProvider
{
    private readonly Channel<Timer> _timers = Channel.CreateUnbounded<Timer>();
    private readonly List<Timer> _running = [];
    private DateTimeOffset _now = DateTimeOffset.UnixEpoch;

    /// <summary>Timers that were started and not taken by <see cref="NextTimerAsync"/>.</summary>
    public int Timers => _timers.Reader.Count;

    public override long TimestampFrequency => TimeSpan.TicksPerSecond;

    public override long GetTimestamp() => _now.Ticks;

    public override DateTimeOffset GetUtcNow() => _now;

    public void Advance(TimeSpan by)
    {
        _now += by;
        foreach (var timer in Due())
            timer.Fire();
    }

    /// <summary>How long the next timer runs that somebody starts.</summary>
    public async Task<TimeSpan> NextTimerAsync(CancellationToken cancellation) => (await _timers.Reader.ReadAsync(cancellation)).DueTime;

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
    {
        var timer = new Timer(dueTime, _now + dueTime, () => callback(state));
        lock (_running)
            _running.Add(timer);
        _timers.Writer.TryWrite(timer);
        return timer;
    }

    private List<Timer> Due()
    {
        lock (_running)
        {
            var due = _running.FindAll(t => t.At <= _now);
            _running.RemoveAll(due.Contains);
            return due;
        }
    }

    private sealed class Timer(TimeSpan dueTime, DateTimeOffset at, Action fire) : ITimer
    {
        private volatile bool _stopped;

        public TimeSpan DueTime => dueTime;

        public DateTimeOffset At => at;

        public void Fire()
        {
            if (!_stopped)
                fire();
        }

        public bool Change(TimeSpan dueTime, TimeSpan period) => throw new NotSupportedException("a timer of the manual clock runs once");

        public void Dispose() => _stopped = true;

        public ValueTask DisposeAsync()
        {
            Dispose();
            return ValueTask.CompletedTask;
        }
    }
}
