using Orchestrator.Model;

namespace Orchestrator.Control.Store;

/// <summary>The cluster's state, the same on every server, changed only through the leader.</summary>
public sealed class ReplicatedStore : IAsyncDisposable
{
    private ReplicatedStore() { }

    /// <summary>This server's applied state: on a follower, and without <see cref="ReadBarrierAsync"/> on the leader, maybe not the newest.</summary>
    public ClusterState State => throw new NotSupportedException();

    public bool IsLeader => throw new NotSupportedException();
    public ulong Term => throw new NotSupportedException();

    /// <summary>Null while no leader is known.</summary>
    public string? LeaderRaftAddress => throw new NotSupportedException();

    /// <summary>Raft addresses of the voters, sorted.</summary>
    public IReadOnlyList<string> Members => throw new NotSupportedException();

    /// <summary>Ends (with the error) when the store can do no more work: the process must be restarted.</summary>
    public Task Completion => throw new NotSupportedException();

    public static Task<ReplicatedStore> OpenAsync(StoreOptions options, CancellationToken cancellation) => throw new NotSupportedException();

    /// <summary>Answers when the change is on a majority's disks and applied here. A refusal is in the result.</summary>
    /// <exception cref="NotLeaderException">Not proposed: try the leader.</exception>
    /// <exception cref="OutcomeUnknownException">Proposed, but it may be lost: try again with the same request id.</exception>
    public Task<ChangeResult> ProposeAsync(Change change, CancellationToken cancellation) => throw new NotSupportedException();

    /// <summary>After it, <see cref="State"/> holds everything that was acknowledged anywhere before the call.</summary>
    /// <exception cref="NotLeaderException">Not the leader, or no longer: read there.</exception>
    public Task ReadBarrierAsync(CancellationToken cancellation) => throw new NotSupportedException();

    /// <summary>Answers when this server leads and has applied all that was committed before.</summary>
    public Task<Leadership> WaitForLeadershipAsync(CancellationToken cancellation) => throw new NotSupportedException();

    /// <summary>The first state known here that is newer than <paramref name="revision"/>.</summary>
    public Task<ClusterState> WaitForRevisionAfterAsync(ulong revision, CancellationToken cancellation) => throw new NotSupportedException();

    /// <summary>Every change after <paramref name="fromRevision"/> in order, for ever; works on every server.</summary>
    public IAsyncEnumerable<StateChange> WatchAsync(ulong fromRevision, CancellationToken cancellation) => throw new NotSupportedException();

    /// <summary>Makes a server that listens already, with an empty store, a voter. Repeating it is harmless.</summary>
    /// <exception cref="NotLeaderException">Only the leader can.</exception>
    /// <exception cref="MembershipException">The server cannot be reached or does not catch up, or another change of members is under way.</exception>
    public Task AddMemberAsync(string raftAddress, CancellationToken cancellation) => throw new NotSupportedException();

    /// <inheritdoc cref="AddMemberAsync"/>
    public Task RemoveMemberAsync(string raftAddress, CancellationToken cancellation) => throw new NotSupportedException();

    public ValueTask DisposeAsync() => throw new NotSupportedException();
}
