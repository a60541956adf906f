using System.Net;
using DotNext.Net.Cluster;
using DotNext.Net.Cluster.Consensus.Raft;
using DotNext.Net.Cluster.Consensus.Raft.StateMachine;
using Microsoft.Extensions.Logging;
using Orchestrator.Control.Store.Peers;

namespace Orchestrator.Control.Store;

/// <summary>What outlives a node, or is told of what happens in it.</summary>
internal sealed record NodeSurroundings(
    StateFeed Feed, DigestCheck Digests, LeadershipWatch Leadership, Action<Exception> Failed);

/// <summary>This server as a member of the Raft group: state machine, log and DotNext's cluster, opened and closed together.</summary>
internal sealed class RaftNode : IAsyncDisposable
{
    private readonly ILogger _log;
    private readonly Parts _parts;
    private readonly DurableLog _entries;
    private readonly RaftGroup _cluster;
    private readonly LeadershipWatch _leadership;
    private readonly Action<Exception> _failed;
    private readonly CancellationTokenSource _closing = new();
    private readonly long _soloTerm;
    private readonly Task _following;

    private RaftNode(StoreOptions options, NodeSurroundings around, Parts parts, RaftGroup cluster, long soloTerm)
    {
        _log = options.Loggers.CreateLogger<RaftNode>();
        (_parts, Machine, _entries) = (parts, parts.Machine, parts.Entries);
        (_cluster, _soloTerm, _leadership, _failed) = (cluster, soloTerm, around.Leadership, around.Failed);
        _following = FollowLeadershipAsync();
    }

    public ChangeMachine Machine { get; }

    public ulong Term => (ulong)((IPersistentState)_entries).Term;

    public string? LeaderRaftAddress => _cluster.Leader is { EndPoint: { } address } ? RaftAddress.Format(address) : null;

    public IReadOnlyList<string> Members =>
        [.. _parts.MemberFile.Members.Select(RaftAddress.Format).Order(StringComparer.Ordinal)];

    /// <param name="first">Whom the member list holds when there is none yet.</param>
    public static async Task<RaftNode> StartAsync(StoreOptions options, EndPoint? first, NodeSurroundings around, CancellationToken cancellation)
    {
        var self = RaftAddress.Parse(options.PublicAddress);
        var snapshots = new SnapshotDirectory(Path.Combine(options.Directory, "snapshots"));
        var memberFile = await MemberFile.OpenAsync(Path.Combine(options.Directory, "members"), first, cancellation).ConfigureAwait(false);
        var machine = new ChangeMachine(options, snapshots, memberFile, around);
        await machine.RestoreAsync().ConfigureAwait(false);
        var entries = new DurableLog(LogOptions(options), machine);
        var cluster = new RaftGroup(options, memberFile, snapshots) { AuditTrail = entries };
        var soloTerm = 0L;
        try
        {
            // Replayed before the cluster loads its members, so that it begins with those that the log says.
            RaftGroup.Bind(entries, memberFile);
            await entries.InitializeAsync(cancellation).ConfigureAwait(false);
            soloTerm = await ElectAloneAsync(entries, memberFile, self, cancellation).ConfigureAwait(false);
            await cluster.StartAsync(cancellation).ConfigureAwait(false);
        }
        catch
        {
            await CloseAsync(new(snapshots, machine, memberFile, entries), cluster).ConfigureAwait(false);
            throw;
        }
        return new(options, around, new(snapshots, machine, memberFile, entries), cluster, soloTerm);
    }

    public async Task ReplicateAsync(byte[] entry, ProposalBatch batch, Leadership leadership, CancellationToken cancellation) =>
        await _cluster.ReplicateAsync(new BinaryLogEntry { Content = entry, Term = (long)leadership.Term, Context = batch }, cancellation)
            .ConfigureAwait(false);

    public async Task ReadBarrierAsync(CancellationToken cancellation) =>
        await _cluster.ApplyReadBarrierAsync(ReadBarrierType.Strong, cancellation).ConfigureAwait(false);

    /// <summary>False: the server did not catch up.</summary>
    public Task<bool> AddMemberAsync(EndPoint member, CancellationToken cancellation) => _cluster.AddMemberAsync(member, cancellation);

    /// <summary>False: it is no member.</summary>
    public Task<bool> RemoveMemberAsync(EndPoint member, CancellationToken cancellation) => _cluster.RemoveMemberAsync(member, cancellation);

    public async ValueTask DisposeAsync()
    {
        await _closing.CancelAsync().ConfigureAwait(false);
        await _following.ConfigureAwait(false);
        await CloseAsync(_parts, _cluster).ConfigureAwait(false);
        _closing.Dispose();
    }

    private static async Task CloseAsync(Parts parts, RaftGroup cluster)
    {
        await cluster.StopAsync(CancellationToken.None).ConfigureAwait(false);
        await cluster.DisposeAsync().ConfigureAwait(false);
        await parts.Entries.DisposeAsync().ConfigureAwait(false);
        await parts.Machine.DisposeAsync().ConfigureAwait(false);
        parts.MemberFile.Dispose();
        parts.Snapshots.Dispose();
    }

    private static WriteAheadLog.Options LogOptions(StoreOptions options) => new()
    {
        Location = Path.Combine(options.Directory, "wal"),
        // The default of 4 KB makes a file for each and is 2-3 times slower. An entry must fit into one chunk.
        ChunkSize = 4 << 20,
        HashAlgorithm = WriteAheadLog.IntegrityHashAlgorithm.Crc32,
    };

    /// <summary>DotNext makes the only member a leader without an election, in the term it was in. A new term with its own vote, written to
    /// disk, is that election: so no two leaderships share a term.</summary>
    private static async Task<long> ElectAloneAsync(DurableLog entries, MemberFile file, EndPoint self, CancellationToken cancellation) =>
        file.Members.Count == 1 && file.Members.Contains(self)
            ? await ((IPersistentState)entries).IncrementTermAsync(ClusterMemberId.FromEndPoint(self), cancellation).ConfigureAwait(false)
            : 0;

    private async Task FollowLeadershipAsync()
    {
        try
        {
            while (true)
            {
                var lost = await _cluster.WaitForLeadershipAsync(_closing.Token).ConfigureAwait(false);
                var term = await LeadershipTermAsync().ConfigureAwait(false);
                if (lost.IsCancellationRequested)
                    continue;
                _log.LogInformation("leader of term {Term}", term);
                _leadership.Gain(new((ulong)term, lost));
                await WhenLostAsync(lost).ConfigureAwait(false);
                _log.LogInformation("no longer leader of term {Term}", term);
            }
        }
        catch (OperationCanceledException) when (_closing.IsCancellationRequested)
        {
            // Closing.
        }
        catch (Exception e)
        {
            _log.LogCritical(e, "leadership is no longer followed: this server stops");
            _failed(e);
        }
    }

    /// <summary>The log's own term is not it: that one is raised a moment before the leadership it ends is. Having applied all that came
    /// before, a leader's last committed entry is of its own term, unless it leads alone and has written nothing yet.</summary>
    private async Task<long> LeadershipTermAsync()
    {
        var last = _entries.LastCommittedEntryIndex;
        if (last == 0)
            return _soloTerm;
        using var reader = await _entries.ReadAsync(last, last, _closing.Token).ConfigureAwait(false);
        return Math.Max(_soloTerm, reader[0].Term);
    }

    private async Task WhenLostAsync(CancellationToken lost)
    {
        var ended = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var registration = lost.UnsafeRegister(_ => ended.TrySetResult(), null);
        await ended.Task.WaitAsync(_closing.Token).ConfigureAwait(false);
    }

    private sealed record Parts(SnapshotDirectory Snapshots, ChangeMachine Machine, MemberFile MemberFile, DurableLog Entries);
}
