using DotNext.IO.Log;
using DotNext.Net.Cluster.Consensus.Raft;
using DotNext.Net.Cluster.Consensus.Raft.StateMachine;
using Orchestrator.Control.Store.Peers;

namespace Orchestrator.Control.Store;

/// <summary>
/// DotNext's log, made to keep what it acknowledges. As it comes, a follower answers before its entries are on disk, and it drops the tail
/// of its log for entries that it already holds (a request that lay in a paused follower's socket would undo a later, acknowledged one;
/// Raft 5.3 truncates only on a conflict of terms). RaftCluster calls the log through the interface, so implementing that member again suffices.
/// </summary>
internal sealed class DurableLog : WriteAheadLog, IAuditTrail<IRaftLogEntry>
{
    private readonly IStateMachine _machine;

    public DurableLog(Options options, IStateMachine machine)
        : base(options, machine) => _machine = machine;

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

    /// <summary>
    /// Entries for a follower, a bounded part of what is asked for. DotNext holds the log's lock while they are under way, and when a snapshot waits to
    /// drop what it covers, everything else waits behind a slow follower; so they are copied. Snapshots are files and need no lock.
    /// </summary>
    async ValueTask<TResult> IAuditTrail<IRaftLogEntry>.ReadAsync<TResult>(
        ILogEntryConsumer<IRaftLogEntry, TResult> reader, long startIndex, long endIndex, CancellationToken token)
    {
        if (reader.LogEntryMetadataOnly || startIndex > endIndex)
            return await ReadAsync(reader, startIndex, endIndex, token).ConfigureAwait(false);
        while (true)
        {
            if (_machine.Snapshot is { } snapshot && snapshot.Index >= startIndex)
                return await reader.ReadAsync<ISnapshot, ISnapshot[]>([snapshot], snapshot.Index, token).ConfigureAwait(false);
            using var chunk = await CopyAsync(startIndex, endIndex, token).ConfigureAwait(false);
            if (chunk is not null)
                return await reader.ReadAsync<WireEntry, EntryChunk>(chunk, null, token).ConfigureAwait(false);
        }
    }

    /// <summary>Null: a snapshot has taken their place in this moment.</summary>
    private async ValueTask<EntryChunk?> CopyAsync(long startIndex, long endIndex, CancellationToken token)
    {
        using var entries = await ReadAsync(startIndex, endIndex, token).ConfigureAwait(false);
        return entries[0].IsSnapshot ? null : EntryChunk.Of(entries);
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
