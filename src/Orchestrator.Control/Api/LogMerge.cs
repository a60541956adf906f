using System.Threading.Channels;
using Orchestrator.Model;

namespace Orchestrator.Control.Api;

internal static class LogMerge
{
    private static readonly TimeSpan s_window = TimeSpan.FromMilliseconds(50);
    private const int WindowLinesMax = 4096;

    /// <summary>Merges sources that end, each in the order of time, into one in the order of time.</summary>
    public static async IAsyncEnumerable<LogLine> ByTimeAsync(
        IReadOnlyList<ChannelReader<LogLine>> sources, [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken cancellation)
    {
        var heads = new PriorityQueue<(LogLine Line, ChannelReader<LogLine> Source), (long, int)>();
        for (var i = 0; i < sources.Count; i++)
            await AdvanceAsync(heads, sources[i], i, cancellation);
        while (heads.TryDequeue(out var head, out var key))
        {
            yield return head.Line;
            await AdvanceAsync(heads, head.Source, key.Item2, cancellation);
        }
    }

    /// <summary>For lines that come live from many sources: what arrives within a short time is sorted.</summary>
    public static async IAsyncEnumerable<IReadOnlyList<LogLine>> WindowsAsync(
        ChannelReader<LogLine> lines, [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken cancellation)
    {
        while (await lines.WaitToReadAsync(cancellation))
        {
            await Task.Delay(s_window, cancellation);
            var window = new List<LogLine>();
            while (window.Count < WindowLinesMax && lines.TryRead(out var line))
                window.Add(line);
            // Stable: lines of one source keep their order even when its clock stands still.
            yield return [.. window.OrderBy(line => line.TimeNs)];
        }
    }

    private static async Task AdvanceAsync(
        PriorityQueue<(LogLine, ChannelReader<LogLine>), (long, int)> heads, ChannelReader<LogLine> source, int index, CancellationToken cancellation)
    {
        if (await source.WaitToReadAsync(cancellation) && source.TryRead(out var line))
            heads.Enqueue((line, source), (line.TimeNs, index));
    }
}
