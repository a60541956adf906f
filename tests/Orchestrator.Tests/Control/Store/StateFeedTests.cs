using CsCheck;
using Orchestrator.Control.Store;
using Orchestrator.Model;
using Xunit;

namespace Orchestrator.Tests.Control.Store;

public sealed class StateFeedTests
{
    [Fact]
    public async Task A_watcher_gets_every_change_after_its_revision_in_order()
    {
        var feed = Filled(capacity: 100, changes: 10);
        Assert.Equal([5, 6, 7, 8, 9, 10], await TakeAsync(feed, from: 4, count: 6));
    }

    [Fact]
    public async Task Who_asks_for_changes_that_are_gone_is_told_to_resync_and_then_gets_what_follows()
    {
        var feed = Filled(capacity: 4, changes: 10);
        await using var watch = feed.WatchAsync(3, TestContext.Current.CancellationToken).GetAsyncEnumerator(TestContext.Current.CancellationToken);
        Assert.True(await watch.MoveNextAsync());
        Assert.True(watch.Current is { Resync: true, Revision: 10 });
        Publish(feed, 11);
        Assert.True(await watch.MoveNextAsync());
        Assert.True(watch.Current is { Resync: false, Revision: 11 });
    }

    [Fact]
    public async Task A_state_that_came_as_a_snapshot_resyncs_even_a_watcher_that_had_seen_everything()
    {
        var feed = Filled(capacity: 10, changes: 3);
        await using var watch = feed.WatchAsync(2, TestContext.Current.CancellationToken).GetAsyncEnumerator(TestContext.Current.CancellationToken);
        Assert.True(await watch.MoveNextAsync());
        feed.Reset(StateOf(50));
        Assert.True(await watch.MoveNextAsync());
        Assert.True(watch.Current is { Resync: true, Revision: 50 });
        Assert.Null(feed.StateAt(3));
    }

    [Fact]
    public async Task A_wait_for_a_newer_revision_ends_when_it_is_published()
    {
        var feed = Filled(capacity: 10, changes: 3);
        var waiting = feed.WaitForRevisionAfterAsync(3, TestContext.Current.CancellationToken);
        Assert.False(waiting.IsCompleted);
        Publish(feed, 8);
        Assert.Equal(8ul, (await waiting).Revision);
    }

    [Fact]
    public async Task Watching_leaves_no_gap_for_any_ring_and_start() =>
        await Gen.Select(Gen.Int[1, 8], Gen.Int[1, 30], Gen.Int[0, 30]).Where((_, changes, from) => from < changes).SampleAsync(async (capacity, changes, from) =>
        {
            var feed = Filled(capacity, changes);
            var got = new List<StateChange>();
            await foreach (var change in feed.WatchAsync((ulong)from, TestContext.Current.CancellationToken))
            {
                got.Add(change);
                if (change.Revision == (ulong)changes)
                    break;
            }
            return from < changes - capacity
                ? got is [{ Resync: true }]
                : got.Select(c => (int)c.Revision).SequenceEqual(Enumerable.Range(from + 1, changes - from));
        });

    [Fact]
    public void A_state_is_known_at_exactly_its_revisions_while_the_ring_holds_them()
    {
        var feed = Filled(capacity: 4, changes: 10);
        Assert.Equal(8ul, feed.StateAt(8)?.Revision);
        Assert.Null(feed.StateAt(6));
        Assert.Null(feed.StateAt(11));
    }

    private static StateFeed Filled(int capacity, int changes)
    {
        var feed = new StateFeed(capacity);
        for (var i = 1; i <= changes; i++)
            Publish(feed, (ulong)i);
        return feed;
    }

    private static void Publish(StateFeed feed, ulong revision) => feed.Publish(new(revision, StateOf(revision), [], Resync: false));

    private static ClusterState StateOf(ulong revision) => ClusterState.Empty.Apply(new Change(), revision, 1).State;

    private static async Task<List<int>> TakeAsync(StateFeed feed, ulong from, int count)
    {
        var taken = new List<int>();
        await foreach (var change in feed.WatchAsync(from, TestContext.Current.CancellationToken))
        {
            taken.Add((int)change.Revision);
            if (taken.Count == count)
                break;
        }
        return taken;
    }
}
