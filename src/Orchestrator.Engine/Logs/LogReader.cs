using System.Runtime.CompilerServices;

namespace Orchestrator.Engine.Logs;

/// <summary>Reads what the keeper writes: the file, and its older parts <c>.1</c>, <c>.2</c> ... The writer never waits for a reader.</summary>
public static class LogReader
{
    // A line without an end is given out in parts of this size.
    private const int LongestLine = 1024 * 1024;
    private static readonly TimeSpan s_shortestWait = TimeSpan.FromMilliseconds(20);
    private static readonly TimeSpan s_longestWait = TimeSpan.FromMilliseconds(250);

    /// <param name="writerDone">Completes when nothing more will be written; a follower then stops at the end.</param>
    public static async IAsyncEnumerable<LogEntry> ReadAsync(
        string path, LogQuery query, Task writerDone, [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        var lines = new LogLines(query.SinceNs, LongestLine);
        var files = OpenFrom(path, query.Tail, out var skip);
        lines.Skip(skip);
        using var current = new LogPosition(path, files);
        var wait = s_shortestWait;
        while (true)
        {
            var done = writerDone.IsCompleted;
            while (current.TryRead(lines, out var entry))
            {
                wait = s_shortestWait;
                if (IsPast(query, entry.TimeNs))
                    yield break;
                yield return entry;
            }
            if (!query.Follow || done)
                break;
            if (IsPast(query, NowNs))
                yield break;
            await Task.WhenAny(writerDone, Task.Delay(wait, cancellationToken));
            cancellationToken.ThrowIfCancellationRequested();
            wait = wait * 2 < s_longestWait ? wait * 2 : s_longestWait;
        }
        foreach (var rest in lines.TakeRest())
            yield return rest;
    }

    private static long NowNs => (DateTime.UtcNow - DateTime.UnixEpoch).Ticks * TimeSpan.NanosecondsPerTick;

    private static bool IsPast(LogQuery query, long timeNs) => query.UntilNs > 0 && timeNs > query.UntilNs;

    /// <summary>The files to read, oldest first, and how many whole lines of them come before the tail.</summary>
    private static Queue<LogFile> OpenFrom(string path, int tail, out int skip)
    {
        var newestFirst = new List<LogFile>();
        var seen = new HashSet<ulong>();
        var counted = 0;
        for (var rotation = 0; (tail < 0 || counted < tail || rotation == 0) && LogFile.Open(LogFile.NameOf(path, rotation)) is { } file; rotation++)
        {
            // A rotation between two opens shows the same file under the next name.
            if (!seen.Add(file.Inode))
            {
                file.Dispose();
                continue;
            }
            newestFirst.Add(file);
            counted += tail < 0 ? 0 : file.CountLines();
        }
        skip = tail < 0 ? 0 : Math.Max(0, counted - tail);
        newestFirst.Reverse();
        return new Queue<LogFile>(newestFirst);
    }
}
