using DotNext.Net.Cluster.Consensus.Raft;
using Microsoft.Extensions.Logging;
using Orchestrator.Model;

namespace Orchestrator.Control.Store;

/// <summary>The cluster's state, the same on every server, changed only through the leader.</summary>
public sealed partial class ReplicatedStore : IAsyncDisposable
{
    /// <summary>A log entry must fit into one chunk of the log.</summary>
    public const int ChangeBytesMax = 2 << 20;

    private readonly StoreOptions _options;
    private readonly ILogger _log;
    private readonly StateFeed _feed;
    private readonly LeadershipWatch _leadership = new();
    private readonly ProposalQueue _proposals;
    private readonly TaskCompletionSource _completion = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly CancellationTokenSource _closing = new();
    private volatile RaftNode? _node;
    private Task _digests = Task.CompletedTask;

    private ReplicatedStore(StoreOptions options)
    {
        _options = options;
        _log = options.Loggers.CreateLogger<ReplicatedStore>();
        _feed = new(options.WatchedChanges);
        _proposals = new(CommitAsync, TimeProvider.System);
        _diverged = new(options.Directory);
    }

    /// <summary>This server's applied state: on a follower, and without <see cref="ReadBarrierAsync"/> on the leader, maybe not the newest.</summary>
    public ClusterState State => _feed.State;

    public bool IsLeader => _leadership.Current is not null;

    public ulong Term => _node?.Term ?? 0;

    /// <summary>Null while no leader is known.</summary>
    public string? LeaderRaftAddress => _node?.LeaderRaftAddress;

    /// <summary>Ends (with the error) when the store can do no more work: the process must be restarted.</summary>
    public Task Completion => _completion.Task;

    /// <exception cref="InvalidDataException">The data on disk is damaged or of a newer version.</exception>
    public static async Task<ReplicatedStore> OpenAsync(StoreOptions options, CancellationToken cancellation)
    {
        Directory.CreateDirectory(options.Directory);
        var store = new ReplicatedStore(options);
        if (store._diverged.IsMarked)
            store.BeginRejoin();
        else
            store._node = await store.StartNodeAsync(options.Bootstrap, cancellation).ConfigureAwait(false);
        store._digests = store.PublishDigestsAsync();
        return store;
    }

    /// <summary>Answers when the change is on a majority's disks and applied here. A refusal is in the result.</summary>
    /// <exception cref="NotLeaderException">Not proposed: try the leader.</exception>
    /// <exception cref="OutcomeUnknownException">Proposed, but it may be lost: try again with the same request id.</exception>
    public async Task<ChangeResult> ProposeAsync(Change change, CancellationToken cancellation)
    {
        if (!IsLeader)
            throw NotLeader();
        var proposal = new Proposal(change);
        if (proposal.Size > ChangeBytesMax)
            return TooLarge(proposal.Size);
        return await _proposals.ProposeAsync(proposal, cancellation).ConfigureAwait(false);
    }

    /// <summary>After it, <see cref="State"/> holds everything that was acknowledged anywhere before the call.</summary>
    /// <exception cref="NotLeaderException">Not the leader, or no longer: read there.</exception>
    public async Task ReadBarrierAsync(CancellationToken cancellation)
    {
        if (_leadership.Current is not { } leadership || _node is not { } node)
            throw NotLeader();
        try
        {
            await node.ReadBarrierAsync(cancellation).ConfigureAwait(false);
        }
        catch (Exception e) when (IsLossOfLeadership(e) && !cancellation.IsCancellationRequested)
        {
            throw NotLeader();
        }
        // When leadership goes meanwhile, DotNext asks whom it takes for the leader, and that one does not check that it still is.
        if (leadership.Lost.IsCancellationRequested)
            throw NotLeader();
    }

    /// <summary>Answers when this server leads and has applied all that was committed before.</summary>
    public Task<Leadership> WaitForLeadershipAsync(CancellationToken cancellation) => _leadership.WaitAsync(cancellation);

    /// <summary>The first state known here that is newer than <paramref name="revision"/>.</summary>
    public Task<ClusterState> WaitForRevisionAfterAsync(ulong revision, CancellationToken cancellation) =>
        _feed.WaitForRevisionAfterAsync(revision, cancellation);

    /// <summary>Every change after <paramref name="fromRevision"/> in order, for ever; works on every server.</summary>
    public IAsyncEnumerable<StateChange> WatchAsync(ulong fromRevision, CancellationToken cancellation) =>
        _feed.WatchAsync(fromRevision, cancellation);

    public async ValueTask DisposeAsync()
    {
        await _closing.CancelAsync().ConfigureAwait(false);
        await _proposals.DisposeAsync().ConfigureAwait(false);
        await _digests.ConfigureAwait(false);
        await _rejoining.ConfigureAwait(false);
        if (_node is { } node)
            await node.DisposeAsync().ConfigureAwait(false);
        _completion.TrySetResult();
    }

    private Task<RaftNode> StartNodeAsync(bool bootstrap, CancellationToken cancellation)
    {
        var first = bootstrap ? RaftAddress.Parse(_options.PublicAddress) : null;
        var around = new NodeSurroundings(_feed, new(_feed, _log, OnDiverged), _leadership, e => _completion.TrySetException(e));
        return RaftNode.StartAsync(_options, first, around, cancellation);
    }

    private async Task CommitAsync(ProposalBatch batch)
    {
        if (_leadership.Current is not { } leadership || _node is not { } node)
            throw NotLeader();
        var entry = new ChangeEntry(batch.Id, [.. batch.Proposals.Select(p => p.Change)]).ToBytes();
        using var timeout = CancellationTokenSource.CreateLinkedTokenSource(_closing.Token);
        timeout.CancelAfter(_options.ProposeTimeout);
        try
        {
            await node.ReplicateAsync(entry, batch, leadership, timeout.Token).ConfigureAwait(false);
        }
        catch (Exception e)
        {
            // What is applied is committed, however the wait for it ended.
            if (batch.Results is null)
                throw new OutcomeUnknownException($"leadership or the majority was lost before the change was committed ({e.Message})", e);
        }
        if (batch.Results is null)
            throw new OutcomeUnknownException("another leader's entry took this one's place");
    }

    private NotLeaderException NotLeader() => new(IsLeader ? null : LeaderRaftAddress);

    private static bool IsLossOfLeadership(Exception e) =>
        e is LeaderOperationException or OperationCanceledException or ObjectDisposedException;

    private ChangeResult TooLarge(int size) => new()
    {
        Revision = State.Revision,
        Refusal = new()
        {
            Kind = RefusalKind.Invalid,
            Message = $"the change has {size} bytes; at most {ChangeBytesMax} are accepted: split the stack into several",
        },
    };
}
