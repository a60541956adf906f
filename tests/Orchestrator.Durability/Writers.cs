using Orchestrator.StoreHost;
using Orchestrator.StoreHost.Driving;

namespace Orchestrator.Durability;

/// <summary>
/// Concurrent writers that note what was acknowledged. Each writes ever greater numbers in turn to its own keys; the numbers are few enough
/// between two checks that no acknowledged one is overwritten before it was looked for.
/// </summary>
internal sealed class Writers(HostGroup group, int count)
{
    private const int Keys = 250;
    private readonly long[][] _acknowledged = [.. Enumerable.Range(0, count).Select(_ => new long[Keys])];
    private readonly long[] _next = new long[count];
    private long _total;
    private CancellationTokenSource _stop = new();
    private Task _running = Task.CompletedTask;

    public int Count => count;

    /// <summary>So many writes were acknowledged.</summary>
    public long Acknowledged => Interlocked.Read(ref _total);

    public void Start()
    {
        _stop = new();
        _running = Task.WhenAll(Enumerable.Range(0, count).Select(w => Task.Run(() => WriteAsync(w, _next[w] + Keys))));
    }

    public async Task StopAsync()
    {
        await _stop.CancelAsync();
        await _running;
        _stop.Dispose();
    }

    /// <summary>Waits for so many acknowledgements from now on; writers that have used all their keys end by themselves.</summary>
    public async Task AcknowledgedMoreAsync(long more)
    {
        var (goal, deadline) = (Acknowledged + more, DateTime.UtcNow.AddSeconds(60));
        while (Acknowledged < goal && !_running.IsCompleted)
        {
            if (DateTime.UtcNow > deadline)
                throw new TimeoutException($"the cluster acknowledged {more - (goal - Acknowledged)} of {more} changes in 60 s, then nothing");
            await Task.Delay(5);
        }
    }

    /// <summary>What was acknowledged and is not in <paramref name="values"/>.</summary>
    public IEnumerable<string> LostFrom(IReadOnlyDictionary<string, long> values) =>
        from writer in Enumerable.Range(0, count)
        from key in Enumerable.Range(0, Keys)
        let acknowledged = _acknowledged[writer][key]
        where values.GetValueOrDefault(Key(writer, key)) < acknowledged
        select $"{Key(writer, key)} = {acknowledged}";

    private static string Key(int writer, long key) => $"w{writer}-{key}";

    private async Task WriteAsync(int writer, long until)
    {
        while (!_stop.IsCancellationRequested && _next[writer] < until)
        {
            var number = ++_next[writer];
            var change = NumberedStack.Put(Key(writer, number % Keys), number, $"w{writer}:{number}");
            try
            {
                var result = await group.ProposeAsync(change, _stop.Token);
                if (result.Refusal is not null)
                    throw new InvalidOperationException(result.Refusal.Message);
                _acknowledged[writer][number % Keys] = number;
                Interlocked.Increment(ref _total);
            }
            catch (OperationCanceledException)
            {
                return;
            }
        }
    }
}
