using System.Net;
using DotNext.Net.Cluster.Consensus.Raft;
using Orchestrator.Control.Store.Peers;

namespace Orchestrator.Control.Store;

/// <summary>Adding and removing voters, one at a time.</summary>
public sealed partial class ReplicatedStore
{
    /// <summary>More are not tested.</summary>
    public const int MembersMax = 3;

    private static readonly TimeSpan s_catchUpTimeout = TimeSpan.FromSeconds(15);
    private static readonly TimeSpan s_catchUpPause = TimeSpan.FromMilliseconds(200);
    private readonly SemaphoreSlim _changingMembers = new(1);

    /// <summary>Raft addresses of the voters, sorted.</summary>
    public IReadOnlyList<string> Members => _node?.Members ?? [];

    /// <summary>Makes a server that listens already, with an empty store, a voter. Repeating it is harmless.</summary>
    /// <exception cref="NotLeaderException">Only the leader can.</exception>
    /// <exception cref="OutcomeUnknownException">Leadership went meanwhile: ask the new leader again.</exception>
    /// <exception cref="MembershipException">The server cannot be reached or does not catch up, or there are <see cref="MembersMax"/> already.</exception>
    public Task AddMemberAsync(string raftAddress, CancellationToken cancellation) =>
        ChangeMembersAsync(node => AddAsync(node, RaftAddress.Parse(raftAddress), cancellation), cancellation);

    /// <summary>The server is not told, and need not run. Repeating it is harmless.</summary>
    /// <inheritdoc cref="AddMemberAsync"/>
    public Task RemoveMemberAsync(string raftAddress, CancellationToken cancellation) =>
        ChangeMembersAsync(node => RemoveAsync(node, RaftAddress.Parse(raftAddress), cancellation), cancellation);

    private async Task ChangeMembersAsync(Func<RaftNode, Task> change, CancellationToken cancellation)
    {
        await _changingMembers.WaitAsync(cancellation).ConfigureAwait(false);
        try
        {
            await change(IsLeader && _node is { } node ? node : throw NotLeader()).ConfigureAwait(false);
        }
        catch (Exception e) when (IsLossOfLeadership(e) && !cancellation.IsCancellationRequested)
        {
            throw new OutcomeUnknownException("leadership was lost while the members were changed", e);
        }
        catch (RaftCluster<Peer>.ConcurrentMembershipModificationException e)
        {
            throw new MembershipException("another change of members is under way", e);
        }
        finally
        {
            _changingMembers.Release();
        }
    }

    private async Task AddAsync(RaftNode node, EndPoint member, CancellationToken cancellation)
    {
        var address = RaftAddress.Format(member);
        if (node.Members.Contains(address))
            return;
        if (node.Members.Count >= MembersMax)
            throw new MembershipException($"{address} cannot be added: there are {MembersMax} servers already, and more are not supported");
        await CoverBySnapshotAsync(node, cancellation).ConfigureAwait(false);
        var deadline = DateTimeOffset.UtcNow + s_catchUpTimeout;
        while (!await node.AddMemberAsync(member, cancellation).ConfigureAwait(false))
        {
            if (DateTimeOffset.UtcNow > deadline)
                throw new MembershipException($"{address} was not added: it cannot be reached, or does not catch up");
            await Task.Delay(s_catchUpPause, cancellation).ConfigureAwait(false);
        }
    }

    /// <summary>A joiner must begin with a snapshot: with it comes the list of members. One that begins with log entries knows nobody until
    /// its own admission is committed, and refuses its vote to everybody; were the leader of one lost in that moment, no leader could follow.</summary>
    private async Task CoverBySnapshotAsync(RaftNode node, CancellationToken cancellation)
    {
        // The joiner counts as caught up by an entry of the present term, which a leader that came alone to it need not have.
        await ProposeAsync(DigestOf(State), cancellation).ConfigureAwait(false);
        await node.Machine.TakeSnapshotAsync(cancellation).ConfigureAwait(false);
    }

    private static async Task RemoveAsync(RaftNode node, EndPoint member, CancellationToken cancellation)
    {
        var address = RaftAddress.Format(member);
        if (!node.Members.Contains(address))
            return;
        if (node.Members.Count == 1)
            throw new MembershipException($"{address} cannot be removed: it is the only server");
        // DotNext's own list may lag a moment behind the applied one.
        var deadline = DateTimeOffset.UtcNow + s_catchUpTimeout;
        while (!await node.RemoveMemberAsync(member, cancellation).ConfigureAwait(false))
        {
            if (DateTimeOffset.UtcNow > deadline)
                throw new MembershipException($"{address} was not removed");
            await Task.Delay(s_catchUpPause, cancellation).ConfigureAwait(false);
        }
    }
}
