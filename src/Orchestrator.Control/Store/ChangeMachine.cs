using System.Buffers;
using DotNext.Net.Cluster.Consensus.Raft.StateMachine;
using Microsoft.Extensions.Logging;
using Orchestrator.Model;

namespace Orchestrator.Control.Store;

/// <summary>
/// Applies committed entries to the state, one after the other, and publishes each. Snapshots are written in the background from the
/// immutable state while apply goes on.
/// </summary>
internal sealed class ChangeMachine(StoreOptions options, SnapshotDirectory snapshots, MemberFile members, NodeSurroundings around)
    : IStateMachine, IAsyncDisposable
{
    private readonly ILogger _log = options.Loggers.CreateLogger<ChangeMachine>();
    private readonly CancellationTokenSource _closing = new();
    private volatile Applied _applied = new(ClusterState.Empty, 0, 0);
    private Task _snapshotting = Task.CompletedTask;
    private int _entriesSinceSnapshot;
    private long _bytesSinceSnapshot;

    public ISnapshot? Snapshot => snapshots.Newest;

    /// <summary>Must be awaited before the log is constructed: the log reads there from which entry to replay.</summary>
    public async Task RestoreAsync()
    {
        if (snapshots.Newest is not { } newest)
            return;
        var (state, index, term) = await Task.Run(() => SnapshotDirectory.Read(newest)).ConfigureAwait(false);
        _applied = new(state, index, term);
        around.Feed.Reset(state);
    }

    /// <summary>An exception here stops the log of every server that applies the entry, so only a bug or a foreign log may throw.</summary>
    public async ValueTask<long> ApplyAsync(LogEntry entry, CancellationToken token)
    {
        if (entry.Index <= _applied.Index)
            return _applied.Index;
        if (entry.IsSnapshot)
            return await InstallAsync(entry, token).ConfigureAwait(false);
        try
        {
            if (entry.IsConfiguration && entry.Length > 0)
                await members.SaveAsync(entry, token).ConfigureAwait(false);
            return ApplyEntry(entry);
        }
        catch (Exception e)
        {
            _log.LogCritical(e, "entry {Index} of term {Term} cannot be applied: this server stops", entry.Index, entry.Term);
            around.Failed(e);
            throw;
        }
    }

    /// <summary>Makes sure that a snapshot covers everything applied so far.</summary>
    public Task TakeSnapshotAsync(CancellationToken token)
    {
        var (state, index, term) = _applied;
        return index == 0 ? Task.CompletedTask : Task.Run(() => snapshots.WriteAsync(state, index, term, token), token);
    }

    public ValueTask ReclaimGarbageAsync(long watermark, CancellationToken token)
    {
        snapshots.DeleteBefore(watermark);
        return ValueTask.CompletedTask;
    }

    public async ValueTask DisposeAsync()
    {
        await _closing.CancelAsync().ConfigureAwait(false);
        await _snapshotting.ConfigureAwait(false);
        _closing.Dispose();
    }

    private async ValueTask<long> InstallAsync(LogEntry entry, CancellationToken token)
    {
        var state = await snapshots.InstallAsync(entry, token).ConfigureAwait(false);
        _applied = new(state, entry.Index, entry.Term);
        (_entriesSinceSnapshot, _bytesSinceSnapshot) = (0, 0);
        around.Feed.Reset(state);
        _log.LogInformation("received a snapshot up to entry {Index}", entry.Index);
        return entry.Index;
    }

    private long ApplyEntry(LogEntry entry)
    {
        if (!entry.IsConfiguration && entry.Length > 0 && entry.TryGetPayload(out var payload))
            ApplyChanges(entry, payload);
        else
            _applied = _applied with { Index = entry.Index, Term = entry.Term };
        SnapshotWhenDue(entry.Length ?? 0);
        return entry.Index;
    }

    private void ApplyChanges(LogEntry entry, ReadOnlySequence<byte> payload)
    {
        var (batchId, changes) = ChangeEntry.Parse(payload);
        var (state, revision) = (_applied.State, (ulong)entry.Index);
        var results = new ChangeResult[changes.Count];
        for (var i = 0; i < results.Length; i++)
            (state, results[i]) = state.Apply(changes[i], revision, (ulong)entry.Term);
        _applied = new(state, entry.Index, entry.Term);
        around.Feed.Publish(new(revision, state, changes, Resync: false));
        around.Digests.Check(changes);
        // The context is kept by index: after a change of leader it may belong to an entry that was overwritten.
        if (entry.Context is ProposalBatch batch && batch.Id == batchId)
            batch.Results = results;
    }

    private void SnapshotWhenDue(long bytes)
    {
        _entriesSinceSnapshot++;
        _bytesSinceSnapshot += bytes;
        if ((_entriesSinceSnapshot < options.SnapshotEntries && _bytesSinceSnapshot < options.SnapshotBytes) || !_snapshotting.IsCompleted)
            return;
        (_entriesSinceSnapshot, _bytesSinceSnapshot) = (0, 0);
        var applied = _applied;
        _snapshotting = Task.Run(() => SnapshotAsync(applied));
    }

    private async Task SnapshotAsync(Applied applied)
    {
        try
        {
            await snapshots.WriteAsync(applied.State, applied.Index, applied.Term, _closing.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            // Closing: the log keeps what the snapshot would have held.
        }
        catch (Exception e)
        {
            _log.LogError(e, "snapshot up to entry {Index} failed: the log grows until the next one", applied.Index);
        }
    }

    private sealed record Applied(ClusterState State, long Index, long Term);
}
