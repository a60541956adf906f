using Orchestrator.Control.Store;
using Orchestrator.Model;
using Xunit;

namespace Orchestrator.Tests.Control.Store;

public sealed class ProposalQueueTests
{
    private readonly List<int> _entries = [];

    /// <summary>What a commit takes; the queue lingers for half of it.</summary>
    private TimeSpan _commitTakes = TimeSpan.FromMilliseconds(10);

    [Fact]
    public async Task Proposers_who_come_back_with_their_answer_share_an_entry()
    {
        await using var queue = new ProposalQueue(CommitAsync);
        await Task.WhenAll(Enumerable.Range(0, 16).Select(_ => ProposeAsync(queue, 20)));
        Assert.Equal(320, _entries.Sum());
        Assert.True(_entries.Average() > 12, $"entries of {string.Join(' ', _entries)}");
    }

    [Fact]
    public async Task One_proposer_alone_is_not_made_to_wait()
    {
        _commitTakes = TimeSpan.Zero;
        await using var queue = new ProposalQueue(CommitAsync);
        await ProposeAsync(queue, 100);
        Assert.Equal(Enumerable.Repeat(1, 100), _entries);
    }

    [Fact]
    public async Task Proposers_who_stay_away_hold_up_nobody_for_long()
    {
        _commitTakes = TimeSpan.FromSeconds(1);
        await using var queue = new ProposalQueue(CommitAsync);
        await Task.WhenAll(Enumerable.Range(0, 16).Select(_ => ProposeAsync(queue, 1)));
        _commitTakes = TimeSpan.Zero;
        // The last entry took a second and held fifteen: half of that second, unless there is a bound.
        var alone = ProposeAsync(queue, 1);
        await alone.WaitAsync(TimeSpan.FromMilliseconds(400), TestContext.Current.CancellationToken);
    }

    [Fact]
    public async Task An_entry_holds_no_more_than_256_changes()
    {
        await using var queue = new ProposalQueue(CommitAsync);
        await Task.WhenAll(Enumerable.Range(0, 1000).Select(_ => ProposeAsync(queue, 2)));
        Assert.Equal(2000, _entries.Sum());
        Assert.True(_entries.Max() <= 256);
    }

    [Fact]
    public async Task What_waits_when_the_queue_closes_is_still_committed_and_later_proposals_are_refused()
    {
        var queue = new ProposalQueue(CommitAsync);
        var waiting = Task.WhenAll(Enumerable.Range(0, 16).Select(_ => ProposeAsync(queue, 1)));
        await queue.DisposeAsync();
        await waiting;
        await Assert.ThrowsAsync<NotLeaderException>(() => ProposeAsync(queue, 1));
    }

    private static async Task ProposeAsync(ProposalQueue queue, int times)
    {
        for (var i = 0; i < times; i++)
            await queue.ProposeAsync(new(new Change()), CancellationToken.None);
    }

    private async Task CommitAsync(ProposalBatch batch)
    {
        _entries.Add(batch.Proposals.Count);
        await Task.Delay(_commitTakes, TestContext.Current.CancellationToken);
        batch.Results = [.. batch.Proposals.Select(_ => new ChangeResult())];
    }
}
