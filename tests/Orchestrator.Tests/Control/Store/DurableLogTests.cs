using DotNext.IO.Log;
using DotNext.Net.Cluster.Consensus.Raft;
using DotNext.Net.Cluster.Consensus.Raft.StateMachine;
using Orchestrator.Control.Store;
using Xunit;

namespace Orchestrator.Tests.Control.Store;

/// <summary>Raft 5.3: a follower drops entries only where a new one conflicts with them, whatever the order in which requests arrive.</summary>
public sealed class DurableLogTests : IAsyncDisposable
{
    private readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory("orc-log-");
    private readonly DurableLog _log;

    public DurableLogTests() => _log = Open();

    [Fact]
    public async Task An_older_request_that_arrives_late_drops_nothing()
    {
        await AppendAsync(1, 1, 1, 1, 1);
        await AppendAsync(1, 1, 1);
        Assert.Equal("1 1 1 1", await TermsAsync());
    }

    [Fact]
    public async Task Entries_of_another_term_replace_the_tail()
    {
        await AppendAsync(1, 1, 1, 1, 1);
        await AppendAsync(2, 1, 2);
        Assert.Equal("1 1 2", await TermsAsync());
    }

    [Fact]
    public async Task A_request_that_overlaps_adds_what_is_new()
    {
        await AppendAsync(1, 1, 1);
        await AppendAsync(2, 1, 1, 2);
        Assert.Equal("1 1 1 2", await TermsAsync());
    }

    [Fact]
    public async Task What_was_answered_is_on_disk()
    {
        await AppendAsync(1, 1, 1, 1);
        var copy = Directory.CreateDirectory(Path.Combine(_directory.FullName, "as-after-a-crash"));
        Copy(Path.Combine(_directory.FullName, "wal"), copy.FullName);
        await using var reopened = Open(copy.FullName);
        Assert.Equal(3, reopened.LastEntryIndex);
    }

    [Fact]
    public async Task A_leader_appends_nothing_of_an_earlier_leadership()
    {
        await AppendAsync(1, 5);
        IAuditTrail<IRaftLogEntry> log = _log;
        var stale = new BinaryLogEntry { Term = 4, Content = new byte[] { 1 } };
        await Assert.ThrowsAsync<DotNext.Net.Cluster.Consensus.Raft.NotLeaderException>(async () =>
            await log.AppendAsync(stale, TestContext.Current.CancellationToken));
    }

    public async ValueTask DisposeAsync()
    {
        await _log.DisposeAsync();
        _directory.Delete(recursive: true);
    }

    private DurableLog Open(string? location = null) => new(
        new WriteAheadLog.Options { Location = location ?? Path.Combine(_directory.FullName, "wal"), ChunkSize = 4 << 20 }, IStateMachine.CreateNoOp(1000));

    private async Task AppendAsync(long startIndex, params long[] terms)
    {
        IAuditTrail<IRaftLogEntry> log = _log;
        await log.AppendAsync(new Entries(terms), startIndex, skipCommitted: true, TestContext.Current.CancellationToken);
    }

    private async Task<string> TermsAsync()
    {
        using var reader = await _log.ReadAsync(1, _log.LastEntryIndex, TestContext.Current.CancellationToken);
        return string.Join(' ', reader.Select(e => e.Term));
    }

    private static void Copy(string from, string to)
    {
        foreach (var file in Directory.GetFiles(from, "*", SearchOption.AllDirectories))
        {
            var target = Path.Combine(to, Path.GetRelativePath(from, file));
            Directory.CreateDirectory(Path.GetDirectoryName(target)!);
            using var source = new FileStream(file, FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
            using var copy = File.Create(target);
            source.CopyTo(copy);
        }
    }

    private sealed class Entries(long[] terms) : ILogEntryProducer<BinaryLogEntry>
    {
        private int _at = -1;

        public BinaryLogEntry Current => new() { Term = terms[_at], Content = new byte[] { (byte)terms[_at], 7 } };

        public long RemainingCount => terms.Length - _at - 1;

        public ValueTask<bool> MoveNextAsync() => new(++_at < terms.Length);

        public ValueTask DisposeAsync() => ValueTask.CompletedTask;
    }
}
