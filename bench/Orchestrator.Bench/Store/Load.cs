using System.Diagnostics;

namespace Orchestrator.Bench.Store;

/// <summary>What one run measured. <see cref="CpuMs"/> is the servers' CPU time for one change, all of them together.</summary>
internal sealed record Measured(double PerSecond, double P50Ms, double P99Ms, double CpuMs)
{
    public static Measured Median(IReadOnlyList<Measured> runs) => new(
        Middle(runs.Select(r => r.PerSecond)), Middle(runs.Select(r => r.P50Ms)), Middle(runs.Select(r => r.P99Ms)), Middle(runs.Select(r => r.CpuMs)));

    private static double Middle(IEnumerable<double> values)
    {
        var sorted = values.Order().ToList();
        return sorted[sorted.Count / 2];
    }
}

/// <summary>Closed loop: every client has one write under way, always.</summary>
internal static class Load
{
    /// <param name="cpuTime">What the servers have used so far.</param>
    public static async Task<Measured> RunAsync(int clients, TimeSpan time, Func<TimeSpan> cpuTime, Func<int, long, Task> writeAsync)
    {
        var used = cpuTime();
        var watch = Stopwatch.StartNew();
        var latencies = await Task.WhenAll(Enumerable.Range(0, clients).Select(c => Task.Run(() => ClientAsync(c, watch, time, writeAsync))));
        var seconds = watch.Elapsed.TotalSeconds;
        var sorted = latencies.SelectMany(l => l).Order().ToList();
        var cpuMs = (cpuTime() - used).TotalMilliseconds / sorted.Count;
        return new(sorted.Count / seconds, sorted[sorted.Count / 2], sorted[(int)(sorted.Count * 0.99)], cpuMs);
    }

    private static async Task<List<double>> ClientAsync(int client, Stopwatch watch, TimeSpan time, Func<int, long, Task> writeAsync)
    {
        var latencies = new List<double>();
        for (var i = 0L; watch.Elapsed < time; i++)
        {
            var start = Stopwatch.GetTimestamp();
            await writeAsync(client, i);
            latencies.Add(Stopwatch.GetElapsedTime(start).TotalMilliseconds);
        }
        return latencies;
    }
}
