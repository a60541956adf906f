using System.Globalization;
using System.Text;
using Orchestrator.Model;

namespace Orchestrator.Cli.Output;

/// <summary>Writes lines of logs: standard output to standard output, standard error to standard error, byte by byte.</summary>
internal sealed class LogLines(Session session, bool timestamps, bool prefix)
{
    private const long NanosecondsOfMillisecond = 1_000_000;

    private readonly Dictionary<string, long> _latest = [];
    private int _width;
    private bool _again;
    private bool _silent;

    public bool AnySourceFailed { get; private set; }

    /// <summary>When the newest line was written, so that reading can go on from there.</summary>
    public long LatestMs => _latest.Values.DefaultIfEmpty().Max() / NanosecondsOfMillisecond;

    /// <summary>Call before a stream is opened again: it begins with lines that were shown. Says so, once until lines come again.</summary>
    public void Reopen(string reason)
    {
        if (!_silent)
            session.Error.WriteLine($"orc: the log stops here until a server can be reached again ({Text.OneLine(reason)})");
        (_again, _silent) = (true, true);
    }

    public async Task WriteAsync(LogLine line, CancellationToken cancellation)
    {
        if (line.Error.Length > 0)
        {
            AnySourceFailed = true;
            session.Error.WriteLine($"orc: {line.ReplicaName}: {Text.OneLine(line.Error)}");
            return;
        }
        if (_again && line.TimeNs <= _latest.GetValueOrDefault(line.ReplicaId))
            return;
        _latest[line.ReplicaId] = line.TimeNs;
        _silent = false;
        var target = line.Stderr ? session.Streams.RawError : session.Streams.RawOut;
        await target.WriteAsync(Bytes(line), cancellation);
        await target.FlushAsync(cancellation);
    }

    private byte[] Bytes(LogLine line)
    {
        _width = Math.Max(_width, line.ReplicaName.Length);
        var head = (prefix ? $"{line.ReplicaName.PadRight(_width)} | " : "") + (timestamps ? Time(line.TimeNs) + " " : "");
        return [.. Encoding.UTF8.GetBytes(head), .. line.Text.Span, (byte)'\n'];
    }

    private static string Time(long nanoseconds) =>
        DateTime.UnixEpoch.AddTicks(nanoseconds / 100).ToString("yyyy-MM-ddTHH:mm:ss.fffffffZ", CultureInfo.InvariantCulture);
}
