using System.Runtime.CompilerServices;
using System.Threading.Channels;
using Orchestrator.Model;

namespace Orchestrator.Agent.Local;

/// <summary>What happens to this machine's containers, volumes and images: the newest are remembered, and told to those who listen.</summary>
internal sealed class LocalEvents
{
    private const int Remembered = 1024, BehindMax = 4096;

    private readonly Lock _lock = new();
    private readonly Queue<LocalEvent> _past = new();
    private readonly List<Channel<LocalEvent>> _listeners = [];

    public void Tell(string type, string action, string id, params IEnumerable<(string Name, string Value)> attributes)
    {
        var told = new LocalEvent { TimeNs = NowNs, Type = type, Action = action, Id = id };
        foreach (var (name, value) in attributes)
            told.Attributes[name] = value;
        lock (_lock)
        {
            _past.Enqueue(told);
            if (_past.Count > Remembered)
                _past.Dequeue();
            foreach (var listener in _listeners)
                listener.Writer.TryWrite(told);
        }
    }

    /// <summary>Those since the time, then new ones until the other time. A listener that is far behind misses the newest.</summary>
    public async IAsyncEnumerable<LocalEvent> ListenAsync(long sinceNs, long untilNs, [EnumeratorCancellation] CancellationToken cancellation)
    {
        var listener = Channel.CreateBounded<LocalEvent>(BehindMax);
        using var end = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        if (untilNs > 0)
            end.CancelAfter(TimeSpan.FromMilliseconds(Math.Max(0, (untilNs - NowNs) / 1_000_000)));
        List<LocalEvent> past;
        lock (_lock)
        {
            past = sinceNs == 0 ? [] : [.. _past.Where(e => e.TimeNs >= sinceNs)];
            _listeners.Add(listener);
        }
        try
        {
            foreach (var told in past.Where(e => untilNs == 0 || e.TimeNs <= untilNs))
                yield return told;
            while (await IsThereMoreAsync(listener, end.Token, cancellation))
                while (listener.Reader.TryRead(out var told))
                    yield return told;
        }
        finally
        {
            lock (_lock)
                _listeners.Remove(listener);
        }
    }

    private static long NowNs => (DateTime.UtcNow - DateTime.UnixEpoch).Ticks * TimeSpan.NanosecondsPerTick;

    private static async Task<bool> IsThereMoreAsync(Channel<LocalEvent> listener, CancellationToken end, CancellationToken cancellation)
    {
        try
        {
            return await listener.Reader.WaitToReadAsync(end);
        }
        catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
        {
            return false;
        }
    }
}
