using System.Buffers.Text;
using System.Globalization;
using System.Text;

namespace Orchestrator.Engine.Logs;

/// <param name="Text">Without the line end.</param>
public readonly record struct LogEntry(long TimeNs, bool Stderr, ReadOnlyMemory<byte> Text);

/// <param name="Tail">Only the last so many lines; -1: all.</param>
/// <param name="SinceNs">Nothing older than this, in Unix nanoseconds.</param>
/// <param name="Follow">Go on with what is written later, until the writer is done.</param>
public sealed record LogQuery(int Tail = -1, long SinceNs = 0, bool Follow = false)
{
    /// <summary>Nothing newer than this, in Unix nanoseconds; a follower stops there. 0: no end.</summary>
    public long UntilNs { get; init; }
}

/// <summary>One line of a log file as the CRI defines it: <c>2016-10-06T00:17:09.669794202Z stdout P text</c>.</summary>
internal readonly ref struct CriLine
{
    public long TimeNs { get; private init; }
    public bool Stderr { get; private init; }

    /// <summary>The rest of the line is in the next entry of the same stream.</summary>
    public bool Partial { get; private init; }

    public ReadOnlySpan<byte> Text { get; private init; }

    /// <summary>False for what no keeper wrote, such as a line cut short by a crash.</summary>
    public static bool TryParse(ReadOnlySpan<byte> line, out CriLine parsed)
    {
        parsed = default;
        var time = line.IndexOf((byte)' ');
        if (time < 0 || !TryParseTime(line[..time], out var timeNs))
            return false;
        var rest = line[(time + 1)..];
        var stderr = rest.StartsWith("stderr "u8);
        if (!stderr && !rest.StartsWith("stdout "u8))
            return false;
        rest = rest[7..];
        if (rest.Length < 1 || rest[0] is not ((byte)'F' or (byte)'P') || (rest.Length > 1 && rest[1] != (byte)' '))
            return false;
        parsed = new CriLine { TimeNs = timeNs, Stderr = stderr, Partial = rest[0] == (byte)'P', Text = rest.Length > 2 ? rest[2..] : [] };
        return true;
    }

    private static bool TryParseTime(ReadOnlySpan<byte> text, out long timeNs)
    {
        timeNs = 0;
        const int seconds = 19;
        if (text.Length <= seconds || !TryParseSeconds(text[..seconds], out var time))
            return false;
        var (nanoseconds, length) = Fraction(text[seconds..]);
        if (!TryParseOffset(text[(seconds + length)..], out var offset))
            return false;
        timeNs = (time - DateTime.UnixEpoch - offset).Ticks * TimeSpan.NanosecondsPerTick + nanoseconds;
        return true;
    }

    private static bool TryParseSeconds(ReadOnlySpan<byte> text, out DateTime time)
    {
        Span<char> chars = stackalloc char[text.Length];
        Encoding.ASCII.GetChars(text, chars);
        return DateTime.TryParseExact(chars, "yyyy-MM-dd'T'HH:mm:ss", CultureInfo.InvariantCulture, DateTimeStyles.None, out time);
    }

    private static (long Nanoseconds, int Length) Fraction(ReadOnlySpan<byte> text)
    {
        if (text.IsEmpty || text[0] != (byte)'.')
            return (0, 0);
        long value = 0, unit = 1_000_000_000;
        var i = 1;
        for (; i < text.Length && text[i] is >= (byte)'0' and <= (byte)'9'; i++)
        {
            unit /= 10;
            value += (text[i] - '0') * unit;
        }
        return (value, i);
    }

    private static bool TryParseOffset(ReadOnlySpan<byte> text, out TimeSpan offset)
    {
        offset = default;
        if (text.SequenceEqual("Z"u8))
            return true;
        if (text.Length != 6 || text[0] is not ((byte)'+' or (byte)'-'))
            return false;
        if (!Utf8Parser.TryParse(text[1..3], out int hours, out _) || !Utf8Parser.TryParse(text[4..6], out int minutes, out _))
            return false;
        offset = new TimeSpan(hours, minutes, 0) * (text[0] == (byte)'-' ? -1 : 1);
        return true;
    }
}
