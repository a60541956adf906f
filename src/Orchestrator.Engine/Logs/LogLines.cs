using System.Buffers;

namespace Orchestrator.Engine.Logs;

/// <summary>Puts the parts of long lines together again, each stream for itself.</summary>
internal sealed class LogLines(long sinceNs, int longestLine)
{
    private readonly ArrayBufferWriter<byte>[] _parts = [new(256), new(256)];
    private readonly long[] _times = new long[2];
    private int _skip;

    /// <summary>Whole lines to pass over before the first one is given out.</summary>
    public void Skip(int lines) => _skip = lines;

    /// <summary>What was written of a line that never got its end.</summary>
    public IEnumerable<LogEntry> TakeRest()
    {
        for (var stream = 0; stream < _parts.Length; stream++)
            if (_parts[stream].WrittenCount > 0)
                yield return Take(stream);
    }

    /// <returns>True when the line completes an entry that was asked for.</returns>
    public bool Add(ReadOnlySpan<byte> line, out LogEntry entry)
    {
        entry = default;
        if (!CriLine.TryParse(line, out var parsed))
            return false;
        var stream = parsed.Stderr ? 1 : 0;
        if (_parts[stream].WrittenCount == 0)
            _times[stream] = parsed.TimeNs;
        _parts[stream].Write(parsed.Text);
        if (parsed.Partial && _parts[stream].WrittenCount < longestLine)
            return false;
        entry = Take(stream);
        if (_skip > 0)
        {
            _skip--;
            return false;
        }
        return entry.TimeNs >= sinceNs;
    }

    private LogEntry Take(int stream)
    {
        var entry = new LogEntry(_times[stream], stream == 1, _parts[stream].WrittenSpan.ToArray());
        _parts[stream].ResetWrittenCount();
        return entry;
    }
}
