using System.Globalization;
using System.Text;
using CsCheck;
using Orchestrator.Engine.Logs;
using Xunit;

namespace Orchestrator.Tests.Engine.Logs;

public sealed class LogReaderTests : IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("orc-logs-").FullName;

    private string Log => Path.Combine(_directory, "log");

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    [Theory]
    [InlineData("1970-01-01T00:00:01.000000002Z stdout F hello world", 1_000_000_002, false, "hello world")]
    [InlineData("1970-01-01T00:00:01Z stderr F", 1_000_000_000, true, "")]
    [InlineData("1970-01-01T01:00:01.5+01:00 stdout F  x ", 1_500_000_000, false, " x ")]
    public async Task A_line_has_time_stream_and_text(string line, long timeNs, bool stderr, string text)
    {
        File.WriteAllText(Log, line + "\n");
        var entry = Assert.Single(await ReadAsync(new LogQuery()));
        Assert.Equal((timeNs, stderr, text), (entry.TimeNs, entry.Stderr, Text(entry)));
    }

    [Fact]
    public async Task Parts_of_long_lines_are_joined_each_stream_for_itself()
    {
        Write(Log, "1 stdout P ab", "2 stderr P xy", "3 stdout F c", "4 stderr F z", "5 stdout P open");
        Assert.Equal(["abc", "xyz", "open"], Texts(await ReadAsync(new LogQuery())));
    }

    [Fact]
    public async Task What_no_keeper_wrote_is_passed_over()
    {
        File.WriteAllText(Log, "garbage\n\n1970-01-01T00:00:01Z stdin F x\n1970-01-01T00:00:01Z stdout F good\n1970-01-01T00:00:01Z std");
        Assert.Equal(["good"], Texts(await ReadAsync(new LogQuery())));
    }

    [Fact]
    public void The_tail_is_the_last_lines_whatever_the_rotation() =>
        Gen.Select(Gen.Int[0, 5].Array[1, 4], Gen.Int[0, 25]).Sample(
            (counts, tail) =>
            {
                foreach (var file in Directory.GetFiles(_directory))
                    File.Delete(file);
                var all = new List<string>();
                for (var i = 0; i < counts.Length; i++)
                {
                    var lines = Enumerable.Range(0, counts[i]).Select(_ => $"{all.Count} stdout F line{all.Count}").Select(l => { all.Add(l.Split(' ')[3]); return l; }).ToArray();
                    Write(LogFile.NameOf(Log, counts.Length - 1 - i), lines);
                }
                Assert.Equal(all.TakeLast(tail), Texts(ReadAsync(new LogQuery(Tail: tail)).GetAwaiter().GetResult()));
                Assert.Equal(all, Texts(ReadAsync(new LogQuery()).GetAwaiter().GetResult()));
            }, threads: 1, iter: 50);

    [Fact]
    public async Task Since_leaves_out_what_is_older()
    {
        Write(Log, "1 stdout F a", "2 stdout F b", "3 stdout F c");
        Assert.Equal(["b", "c"], Texts(await ReadAsync(new LogQuery(SinceNs: 2_000_000_000))));
    }

    [Fact]
    public async Task A_follower_sees_every_line_across_rotations_and_stops_with_the_writer()
    {
        var done = new TaskCompletionSource();
        Write(Log, "0 stdout F 0");
        var reader = LogReader.ReadAsync(Log, new LogQuery(Follow: true), done.Task, TestContext.Current.CancellationToken).GetAsyncEnumerator(TestContext.Current.CancellationToken);
        var seen = new List<string>();
        for (var n = 0; n < 40; n++)
        {
            Assert.True(await reader.MoveNextAsync());
            seen.Add(Text(reader.Current));
            if (n % 7 == 3)
                Rotate();
            Append($"{n + 1} stdout F {n + 1}");
            if (n % 5 == 1)
                Rotate();
        }
        done.SetResult();
        while (await reader.MoveNextAsync())
            seen.Add(Text(reader.Current));
        Assert.Equal(Enumerable.Range(0, 41).Select(n => n.ToString(CultureInfo.InvariantCulture)), seen);
    }

    [Fact]
    public async Task A_log_that_comes_later_is_followed_and_one_that_never_comes_is_empty()
    {
        Assert.Empty(await ReadAsync(new LogQuery()));
        var done = new TaskCompletionSource();
        var reader = LogReader.ReadAsync(Log, new LogQuery(Follow: true), done.Task, TestContext.Current.CancellationToken).GetAsyncEnumerator(TestContext.Current.CancellationToken);
        var first = reader.MoveNextAsync();
        Append("1 stdout F late");
        Assert.True(await first);
        Assert.Equal("late", Text(reader.Current));
        done.SetResult();
        Assert.False(await reader.MoveNextAsync());
    }

    private void Rotate()
    {
        for (var i = 4; i > 0; i--)
            if (File.Exists(LogFile.NameOf(Log, i - 1)))
                File.Move(LogFile.NameOf(Log, i - 1), LogFile.NameOf(Log, i), overwrite: true);
    }

    // Lines here start with seconds; on disk they start with a time.
    private static string Line(string line)
    {
        var seconds = line.Split(' ')[0];
        return DateTime.UnixEpoch.AddSeconds(int.Parse(seconds, CultureInfo.InvariantCulture)).ToString("yyyy-MM-dd'T'HH:mm:ss.fffffff", CultureInfo.InvariantCulture)
            + "00Z" + line[seconds.Length..] + "\n";
    }

    private void Append(string line) => File.AppendAllText(Log, Line(line));

    private static void Write(string path, params string[] lines) => File.WriteAllText(path, string.Concat(lines.Select(Line)));

    private static string Text(LogEntry entry) => Encoding.UTF8.GetString(entry.Text.Span);

    private static IEnumerable<string> Texts(IEnumerable<LogEntry> entries) => entries.Select(Text);

    private async Task<List<LogEntry>> ReadAsync(LogQuery query)
    {
        var entries = new List<LogEntry>();
        await foreach (var entry in LogReader.ReadAsync(Log, query, Task.CompletedTask, CancellationToken.None))
            entries.Add(entry);
        return entries;
    }
}
