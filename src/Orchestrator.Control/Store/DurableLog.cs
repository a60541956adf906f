using DotNext.IO.Log;
using DotNext.Net.Cluster.Consensus.Raft;
using DotNext.Net.Cluster.Consensus.Raft.StateMachine;

namespace Orchestrator.Control.Store;

/// <summary>
/// DotNext's log, made to keep what it acknowledges. As it comes, a follower answers before its entries are on disk, and it drops the tail
/// of its log for entries that it already holds (a request that lay in a paused follower's socket would undo a later, acknowledged one;
/// Raft 5.3 truncates only on a conflict of terms). RaftCluster calls the log through the interface, so implementing that member again suffices.
/// </summary>
internal sealed class DurableLog(WriteAheadLog.Options options, IStateMachine machine)
    : WriteAheadLog(options, machine), IAuditTrail<IRaftLogEntry>
{
    async ValueTask IAuditTrail<IRaftLogEntry>.AppendAsync<TEntry>(
        ILogEntryProducer<TEntry> entries, long startIndex, bool skipCommitted, CancellationToken token)
    {
        var sent = entries.RemainingCount;
        if (startIndex > LastEntryIndex || !skipCommitted)
            await AppendAsync(entries, startIndex, skipCommitted, token).ConfigureAwait(false);
        else
            await AppendNewAsync(entries, startIndex, token).ConfigureAwait(false);
        if (sent > 0)
            await FlushAsync(token).ConfigureAwait(false);
    }

    /// <summary>The leader's own entries. One proposed in an earlier leadership must not enter the log of a later one.</summary>
    async ValueTask<long> IAuditTrail<IRaftLogEntry>.AppendAsync<TEntry>(TEntry entry, CancellationToken token)
    {
        if (await TermAtAsync(LastEntryIndex, token).ConfigureAwait(false) > entry.Term)
            throw new DotNext.Net.Cluster.Consensus.Raft.NotLeaderException();
        return await AppendAsync(entry, token).ConfigureAwait(false);
    }

    private async ValueTask AppendNewAsync<TEntry>(ILogEntryProducer<TEntry> entries, long index, CancellationToken token)
        where TEntry : IRaftLogEntry
    {
        while (await entries.MoveNextAsync().ConfigureAwait(false))
        {
            // Current must be read for every entry: RaftCluster notes there whether one is of the leader's term.
            var term = entries.Current.Term;
            if (!await HoldsAsync(index, term, token).ConfigureAwait(false))
            {
                await AppendAsync(new FromCurrent<TEntry>(entries), index, skipCommitted: true, token).ConfigureAwait(false);
                return;
            }
            index++;
        }
    }

    private async ValueTask<bool> HoldsAsync(long index, long term, CancellationToken token)
    {
        if (index <= LastCommittedEntryIndex)
            return true;
        return index <= LastEntryIndex && await TermAtAsync(index, token).ConfigureAwait(false) == term;
    }

    private async ValueTask<long> TermAtAsync(long index, CancellationToken token)
    {
        if (index == 0)
            return 0;
        using var reader = await ReadAsync(index, index, token).ConfigureAwait(false);
        return reader[0].Term;
    }

    /// <summary>The rest of <paramref name="entries"/>, beginning with the entry that was already moved to.</summary>
    private sealed class FromCurrent<TEntry>(ILogEntryProducer<TEntry> entries) : ILogEntryProducer<TEntry>
        where TEntry : IRaftLogEntry
    {
        private bool _moved;

        public TEntry Current => entries.Current;

        public long RemainingCount => entries.RemainingCount + (_moved ? 0 : 1);

        public ValueTask<bool> MoveNextAsync()
        {
            if (_moved)
                return entries.MoveNextAsync();
            _moved = true;
            return new(true);
        }

        public ValueTask DisposeAsync() => ValueTask.CompletedTask;
    }
}
