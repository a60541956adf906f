using System.Net;
using System.Net.Sockets;
using System.Security.Authentication;
using DotNext.IO;
using DotNext.Net.Cluster;
using DotNext.Net.Cluster.Consensus.Raft;

namespace Orchestrator.Control.Store.Peers;

/// <summary>
/// A member of the Raft group as this server reaches it. Votes have a connection of their own, so that an election never waits behind entries or
/// a snapshot. DotNext understands only <see cref="MemberUnavailableException"/> and its own cancellation.
/// </summary>
internal sealed class Peer : IRaftClusterMember, IDisposable
{
    private static readonly Task s_never = new TaskCompletionSource().Task;
    private readonly RaftGroup _group;
    private readonly PeerConnection _votes;
    private readonly PeerConnection _log;
    private IRaftClusterMember.ReplicationState _state;

    public Peer(RaftGroup group, EndPoint address, bool isRemote, Func<PeerConnection> connection)
    {
        (_group, EndPoint, IsRemote) = (group, address, isRemote);
        (_votes, _log) = (connection(), connection());
    }

    public event Action<ClusterMemberStatusChangedEventArgs>? MemberStatusChanged
    {
        add { }
        remove { }
    }

    public EndPoint EndPoint { get; }

    public bool IsRemote { get; }

    public bool IsLeader => ReferenceEquals(_group.Leader, this);

    public ClusterMemberStatus Status => ClusterMemberStatus.Unknown;

    ref IRaftClusterMember.ReplicationState IRaftClusterMember.State => ref _state;

    public async Task<Result<bool>> VoteAsync(long term, long lastLogIndex, long lastLogTerm, CancellationToken token)
    {
        var answer = await ElectAsync(FrameKind.Vote, new(term, lastLogIndex, lastLogTerm), 1, token).ConfigureAwait(false);
        return new() { Term = answer.Term, Value = answer.Value != 0 };
    }

    public async Task<Result<PreVoteResult>> PreVoteAsync(long term, long lastLogIndex, long lastLogTerm, CancellationToken token)
    {
        var answer = await ElectAsync(FrameKind.PreVote, new(term, lastLogIndex, lastLogTerm), (byte)PreVoteResult.Accepted, token)
            .ConfigureAwait(false);
        return new() { Term = answer.Term, Value = (PreVoteResult)answer.Value };
    }

    public async Task<Result<ReplicationStatus>> AppendEntriesAsync<TEntry, TList>(
        long term, TList entries, long prevLogIndex, long prevLogTerm, long commitIndex, CancellationToken token)
        where TEntry : IRaftLogEntry
        where TList : IReadOnlyList<TEntry>
    {
        var chunk = entries.Count == 0 ? EntryChunk.Empty : (EntryChunk)(object)entries;
        var request = new AppendRequest(term, prevLogIndex, prevLogTerm, commitIndex, chunk.Count, chunk.Bytes);
        var answer = await AskLogAsync(c => Ask(c, FrameKind.Append, request), token).ConfigureAwait(false);
        return new() { Term = answer.Term, Value = new() { Result = ResultOf(answer, isPart: chunk.IsPartial), LastIndex = answer.Index } };
    }

    public async Task<Result<HeartbeatResult>> InstallSnapshotAsync(
        long term, IRaftLogEntry snapshot, long snapshotIndex, IDataTransferObject configuration, long configurationVersion, CancellationToken token)
    {
        var members = await configuration.ToByteArrayAsync(token: token).ConfigureAwait(false);
        var answer = await AskLogAsync(SendAsync, token).ConfigureAwait(false);
        return new() { Term = answer.Term, Value = ResultOf(answer, isPart: true) };

        async Task<Answer> SendAsync(Conversation conversation)
        {
            var file = ((SnapshotFile)snapshot).Open();
            await using (file.ConfigureAwait(false))
                return await SnapshotSender.SendAsync(
                    conversation, new(term, snapshotIndex, snapshot.Term, file.Length, configurationVersion, members), file).ConfigureAwait(false);
        }
    }

    public async Task<long?> SynchronizeAsync(long commitIndex, CancellationToken token)
    {
        if (!IsRemote)
            return null;
        var answer = await AskVotesAsync(c => Ask(c, FrameKind.Synchronize, new SynchronizeRequest(commitIndex)), s_never, token).ConfigureAwait(false);
        return answer.Value == 0 ? null : answer.Index;
    }

    /// <summary>Nothing to do: requests of a leadership end with its token.</summary>
    public ValueTask CancelPendingRequestsAsync() => ValueTask.CompletedTask;

    public ValueTask<IReadOnlyDictionary<string, string>> GetMetadataAsync(bool refresh = false, CancellationToken token = default) =>
        new(new Dictionary<string, string>());

    public Task<bool> ResignAsync(CancellationToken token) => Task.FromResult(false);

    public void Dispose()
    {
        _votes.Dispose();
        _log.Dispose();
    }

    private static async Task<Answer> Ask<TMessage>(Conversation conversation, FrameKind kind, TMessage request)
        where TMessage : IMessage
    {
        await conversation.SendAsync(kind, request).ConfigureAwait(false);
        return await conversation.ReceiveAnswerAsync().ConfigureAwait(false);
    }

    private async Task<Answer> ElectAsync(FrameKind kind, VoteRequest request, byte granted, CancellationToken token)
    {
        var ballot = _group.BallotFor(kind, this);
        var answer = IsRemote
            ? await AskVotesAsync(c => Ask(c, kind, request), ballot.Decided, token).ConfigureAwait(false)
            : new(request.Term, granted, 0);
        if (answer.Value == granted)
            ballot.Grant();
        return answer;
    }

    /// <summary>Gives up waiting, never the exchange itself: its answer may be a moment late, and the connection shall serve again.</summary>
    private async Task<Answer> AskVotesAsync(Func<Conversation, Task<Answer>> exchange, Task decided, CancellationToken token)
    {
        try
        {
            var answer = _votes.AskAsync(exchange, _group.VoteTimeout, CancellationToken.None);
            await Task.WhenAny(answer, decided).WaitAsync(_group.VoteTimeout, token).ConfigureAwait(false);
            return answer.IsCompleted ? await answer.ConfigureAwait(false) : throw new TimeoutException("the others have decided already");
        }
        catch (Exception e) when (IsUnreachable(e))
        {
            token.ThrowIfCancellationRequested();
            throw new MemberUnavailableException(this, innerException: e);
        }
    }

    private async Task<Answer> AskLogAsync(Func<Conversation, Task<Answer>> exchange, CancellationToken token)
    {
        try
        {
            return await _log.AskAsync(exchange, _group.SilenceTimeout, token).ConfigureAwait(false);
        }
        catch (Exception e) when (IsUnreachable(e))
        {
            token.ThrowIfCancellationRequested();
            throw new MemberUnavailableException(this, innerException: e);
        }
    }

    /// <summary>What was only a part of the log must not count for the commit index: DotNext takes the median of what the members report, which is
    /// right only when all report the same index or none. The rest is sent at once.</summary>
    private HeartbeatResult ResultOf(Answer answer, bool isPart)
    {
        var result = (HeartbeatResult)answer.Value;
        if (!isPart || result is not (HeartbeatResult.Replicated or HeartbeatResult.ReplicatedWithLeaderTerm))
            return result;
        _group.Hurry();
        return HeartbeatResult.Replicated;
    }

    private static bool IsUnreachable(Exception e) => e is IOException or SocketException or AuthenticationException or TimeoutException
        or InvalidDataException or ObjectDisposedException or OperationCanceledException;
}
