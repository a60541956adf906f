using System.Globalization;
using System.Text;
using CsCheck;
using Orchestrator.Runtime.Keeping;
using Xunit;

namespace Orchestrator.Tests.Runtime;

public sealed class ContainerLogTests : IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("orc-log").FullName;

    private string LogPath => Path.Combine(_directory, "log");

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    [Fact]
    public void What_a_stream_says_is_what_the_log_holds_however_it_is_cut()
    {
        var text = Gen.OneOf(Gen.String[Gen.Char['a', 'z'], 0, 40], Gen.Const("\n"), Gen.String[Gen.Char['a', 'z'], 17_000, 40_000]);
        text.Array[0, 8].Sample(chunks =>
        {
            File.Delete(LogPath);
            Feed(chunks, long.MaxValue, 1);
            Assert.Equal(string.Concat(chunks), Unlog(File.Exists(LogPath) ? File.ReadAllLines(LogPath) : [], string.Concat(chunks)));
        }, iter: 60, threads: 1);
    }

    [Fact]
    public void A_line_carries_time_stream_and_whether_it_is_whole()
    {
        Feed(["hello\nworld"], long.MaxValue, 1);
        var lines = File.ReadAllLines(LogPath);
        Assert.Matches(@"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z stdout F hello$", lines[0]);
        Assert.EndsWith("stdout F world", lines[1]);
        Assert.True(DateTime.Parse(lines[0].Split(' ')[0], CultureInfo.InvariantCulture, DateTimeStyles.AdjustToUniversal) > DateTime.UtcNow.AddMinutes(-1));
    }

    [Fact]
    public void A_full_log_moves_on_and_the_oldest_goes()
    {
        Feed([.. Enumerable.Range(0, 100).Select(i => $"line {i:D3}\n")], maxBytes: 1000, maxFiles: 3);
        Assert.Equal(["log", "log.1", "log.2"], Directory.GetFiles(_directory).Select(Path.GetFileName).Order());
        Assert.All(Directory.GetFiles(_directory), f => Assert.InRange(new FileInfo(f).Length, 1, 1000));
        Assert.EndsWith("line 099", File.ReadLines(LogPath).Last());
        var kept = new[] { "log.2", "log.1", "log" }.SelectMany(f => File.ReadLines(Path.Combine(_directory, f))).Select(l => int.Parse(l[^3..], CultureInfo.InvariantCulture)).ToList();
        Assert.Equal(Enumerable.Range(kept[0], kept.Count), kept);
    }

    private void Feed(IEnumerable<string> chunks, long maxBytes, int maxFiles)
    {
        using var writer = new LogWriter();
        var log = new ContainerLog(new LogFile(LogPath, maxBytes, maxFiles), writer);
        var lines = new StreamLines(log, isErrors: false);
        foreach (var chunk in chunks)
        {
            lines.Take(Encoding.ASCII.GetBytes(chunk), DateTime.UtcNow);
            log.Flush();
        }
        lines.Finish(DateTime.UtcNow);
        log.Flush();
        log.Close();
        SpinWait.SpinUntil(() => log.IsClosed, TimeSpan.FromSeconds(30));
    }

    private static string Unlog(string[] lines, string said)
    {
        var text = string.Concat(lines.Select(l => l.Split(' ', 4)).Select(f => f[3] + (f[2] == "F" ? "\n" : "")));
        return said.EndsWith('\n') || text.Length == 0 || !text.EndsWith('\n') ? text : text[..^1];
    }
}
