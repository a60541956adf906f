using System.Threading.Channels;
using Orchestrator.Control.Store;
using Orchestrator.Model;
using Xunit;

namespace Orchestrator.Tests.Control.Store;

public sealed class ProposalQueueTests : IAsyncDisposable
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(20);
    private readonly ManualTime _time = new();
    private readonly Channel<(ProposalBatch Batch, TaskCompletionSource Done)> _commits = Channel.CreateUnbounded<(ProposalBatch, TaskCompletionSource)>();
    private readonly ProposalQueue _queue;
    private volatile bool _isOver;

    public ProposalQueueTests() => _queue = new(BeginCommitAsync, _time);

    /// <summary>Whatever a failed test left under way ends.</summary>
    public async ValueTask DisposeAsync()
    {
        _isOver = true;
        while (_commits.Reader.TryRead(out var commit))
            End(commit.Batch, commit.Done);
        _time.Advance(s_patience);
        await _queue.DisposeAsync().AsTask().WaitAsync(s_patience);
    }

    [Fact]
    public async Task The_next_entry_waits_for_as_many_as_the_last_one_held()
    {
        await HoldEntryOfAsync(3, tookMs: 10);
        _ = Propose(2);
        await NextTimerAsync();
        Assert.Equal(0, _commits.Reader.Count);
        _ = Propose(1);
        Assert.Equal(3, await CommitAsync());
    }

    [Theory]
    [InlineData(4, 2)]
    [InlineData(10, 5)]
    [InlineData(1000, 5)]
    public async Task Who_stays_away_holds_up_the_others_for_half_of_what_an_entry_takes_and_5_ms_at_most(int tookMs, int waitedMs)
    {
        await HoldEntryOfAsync(3, tookMs);
        var alone = Propose(1);
        Assert.Equal(TimeSpan.FromMilliseconds(waitedMs), await NextTimerAsync());
        _time.Advance(TimeSpan.FromMilliseconds(waitedMs));
        Assert.Equal(1, await CommitAsync());
        await alone;
    }

    [Fact]
    public async Task One_proposer_alone_is_never_made_to_wait()
    {
        for (var i = 0; i < 100; i++)
        {
            var proposed = Propose(1);
            Assert.Equal(1, await CommitAsync(10));
            await proposed;
        }
        Assert.Equal(0, _time.Timers);
    }

    [Fact]
    public async Task An_entry_holds_no_more_than_256_changes()
    {
        await HoldEntryOfAsync(700, tookMs: 10, largest: 256);
        Assert.Equal(256, await CommitAsync(10));
        _time.Advance(await NextTimerAsync());
        Assert.Equal(700 - (2 * 256), await CommitAsync());
    }

    [Fact]
    public async Task What_waits_when_the_queue_closes_is_still_committed_and_later_proposals_are_refused()
    {
        var first = Propose(1);
        var (batch, done) = await _commits.Reader.ReadAsync(TestContext.Current.CancellationToken);
        var waiting = Propose(15);
        var closed = _queue.DisposeAsync();
        End(batch, done);
        Assert.Equal(15, await CommitAsync());
        await Task.WhenAll(first, waiting, closed.AsTask()).WaitAsync(s_patience, TestContext.Current.CancellationToken);
        await Assert.ThrowsAsync<NotLeaderException>(() => Propose(1));
    }

    /// <summary>The last entry held so many.</summary>
    private async Task HoldEntryOfAsync(int proposals, int tookMs, int? largest = null)
    {
        _ = Propose(1);
        var (batch, done) = await _commits.Reader.ReadAsync(TestContext.Current.CancellationToken);
        _ = Propose(proposals);
        End(batch, done);
        Assert.Equal(largest ?? proposals, await CommitAsync(tookMs));
    }

    private Task<ChangeResult[]> Propose(int proposals) =>
        Task.WhenAll(Enumerable.Range(0, proposals).Select(_ => _queue.ProposeAsync(new(new Change()), CancellationToken.None)));

    private Task<TimeSpan> NextTimerAsync() => _time.NextTimerAsync(TestContext.Current.CancellationToken).WaitAsync(s_patience, TestContext.Current.CancellationToken);

    private Task BeginCommitAsync(ProposalBatch batch)
    {
        var done = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        if (_isOver)
            End(batch, done);
        else
            _commits.Writer.TryWrite((batch, done));
        return done.Task;
    }

    /// <summary>How many the next entry holds, which it commits.</summary>
    private async Task<int> CommitAsync(int tookMs = 0)
    {
        var (batch, done) = await _commits.Reader.ReadAsync(TestContext.Current.CancellationToken).AsTask().WaitAsync(s_patience, TestContext.Current.CancellationToken);
        _time.Advance(TimeSpan.FromMilliseconds(tookMs));
        End(batch, done);
        return batch.Proposals.Count;
    }

    private static void End(ProposalBatch batch, TaskCompletionSource done)
    {
        batch.Results = [.. batch.Proposals.Select(_ => new ChangeResult())];
        done.SetResult();
    }
}
