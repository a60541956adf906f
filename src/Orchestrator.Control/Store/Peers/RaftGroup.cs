using System.Collections.Immutable;
using System.Net;
using System.Threading.Channels;
using DotNext.IO;
using DotNext.IO.Log;
using DotNext.Net.Cluster;
using DotNext.Net.Cluster.Consensus.Raft;
using DotNext.Net.Cluster.Consensus.Raft.Membership;
using Microsoft.Extensions.Logging;

namespace Orchestrator.Control.Store.Peers;

/// <summary>DotNext's Raft over our own connections: who the members are, and what they ask of this server.</summary>
internal sealed class RaftGroup : RaftCluster<Peer>
{
    // DotNext's own category, so that one filter is for all that it says.
    private const string LogCategory = "DotNext.Net.Cluster.Consensus.Raft.RaftCluster";
    private const int CatchUpRounds = 10;

    private readonly StoreOptions _options;
    private readonly MemberFile _memberFile;
    private readonly EndPoint _self;
    private readonly Channel<IClusterConfiguration<EndPoint>> _memberLists = Channel.CreateUnbounded<IClusterConfiguration<EndPoint>>();
    private readonly Dictionary<FrameKind, Ballot> _ballots = [];
    private readonly Lock _ballotLock = new();
    private Task _following = Task.CompletedTask;
    private PeerListener? _listener;

    public RaftGroup(StoreOptions options, MemberFile members, SnapshotDirectory snapshots)
        : base(new Timing(options))
    {
        (_options, _memberFile, Snapshots) = (options, members, snapshots);
        _self = RaftAddress.Parse(options.PublicAddress);
        Logger = options.Loggers.CreateLogger(LogCategory);
    }

    public SnapshotDirectory Snapshots { get; }

    /// <summary>How long an election waits for a server that does not answer, and anybody for a connection.</summary>
    public TimeSpan VoteTimeout => _options.RequestTimeout;

    /// <summary>How long a server that takes entries or a snapshot may show no sign of life.</summary>
    public TimeSpan SilenceTimeout => _options.ElectionTimeoutMax;

    protected override ILogger Logger { get; }

    /// <summary>For entries that the log replays before it knows of the member file.</summary>
    public static void Bind(DurableLog entries, MemberFile members) => IRaftCluster.SetConfigurationStorage(entries, members);

    public override async Task StartAsync(CancellationToken token = default)
    {
        IRaftCluster.SetConfigurationStorage(AuditTrail, _memberFile);
        await ApplyMembersAsync(await _memberFile.LoadAsync(token).ConfigureAwait(false), token).ConfigureAwait(false);
        _memberFile.ConfigurationChanged += _memberLists.Writer.WriteAsync;
        _following = FollowMembersAsync();
        await base.StartAsync(token).ConfigureAwait(false);
        _listener = new(_options, this);
        StartFollowing();
    }

    public override async Task StopAsync(CancellationToken token = default)
    {
        if (LifecycleToken.IsCancellationRequested)
            return;
        if (_listener is not null)
            await _listener.DisposeAsync().ConfigureAwait(false);
        _memberFile.ConfigurationChanged -= _memberLists.Writer.WriteAsync;
        _memberLists.Writer.TryComplete();
        await _following.ConfigureAwait(false);
        await base.StopAsync(token).ConfigureAwait(false);
    }

    /// <summary>False: the server did not catch up.</summary>
    public async Task<bool> AddMemberAsync(EndPoint address, CancellationToken token)
    {
        using var joiner = PeerAt(address);
        return await AddMemberAsync(joiner, CatchUpRounds, _memberFile, p => p.EndPoint, token).ConfigureAwait(false);
    }

    /// <summary>False: it is no member.</summary>
    public Task<bool> RemoveMemberAsync(EndPoint address, CancellationToken token) =>
        RemoveMemberAsync(ClusterMemberId.FromEndPoint(address), _memberFile, p => p.EndPoint, token);

    public Ballot BallotFor(FrameKind step, Peer peer)
    {
        lock (_ballotLock)
        {
            if (!_ballots.TryGetValue(step, out var ballot) || !ballot.TryAsk(peer))
            {
                _ballots[step] = ballot = new(Members.Count);
                ballot.TryAsk(peer);
            }
            return ballot;
        }
    }

    /// <summary>Begins the next round of replication now, not at the next heartbeat.</summary>
    public async void Hurry()
    {
        try
        {
            await ForceReplicationAsync(LifecycleToken).ConfigureAwait(false);
        }
        catch (Exception e) when (e is LeaderOperationException or OperationCanceledException or ObjectDisposedException)
        {
            // No longer the leader: another one replicates.
        }
    }

    public async Task<Answer> OnVoteAsync(Hello sender, VoteRequest request, CancellationToken token)
    {
        var vote = await VoteAsync(IdOf(sender), request.Term, request.LastIndex, request.LastTerm, sender.StateVersion, token).ConfigureAwait(false);
        return new(vote.Term, (byte)(vote.Value ? 1 : 0), 0);
    }

    public async Task<Answer> OnPreVoteAsync(Hello sender, VoteRequest request, CancellationToken token)
    {
        var vote = await PreVoteAsync(IdOf(sender), request.Term + 1, request.LastIndex, request.LastTerm, sender.StateVersion, token)
            .ConfigureAwait(false);
        return new(vote.Term, (byte)vote.Value, 0);
    }

    public async Task<Answer> OnSynchronizeAsync(SynchronizeRequest request, CancellationToken token)
    {
        var index = await SynchronizeAsync(request.CommitIndex, token).ConfigureAwait(false);
        return new(AuditTrail.Term, (byte)(index is null ? 0 : 1), index ?? 0);
    }

    public async Task<Answer> OnAppendAsync(Hello sender, AppendRequest request, CancellationToken token)
    {
        var committed = AuditTrail.LastCommittedEntryIndex;
        var (prevIndex, prevTerm, entries) = FollowerLog.WithoutCommitted(request, committed);
        var result = await AppendEntriesAsync(
            IdOf(sender), request.Term, new LogEntryProducer<WireEntry>(entries), prevIndex, prevTerm, request.CommitIndex, sender.StateVersion, token)
            .ConfigureAwait(false);
        var rejected = result.Value.Result == HeartbeatResult.Rejected;
        var last = rejected ? FollowerLog.NextToTry(prevIndex, result.Value.LastIndex, committed) : result.Value.LastIndex;
        return new(result.Term, (byte)result.Value.Result, last);
    }

    /// <summary>Tells this server that the leader of this term is there, also while it cannot send entries. Answers this server's term.</summary>
    public async Task<long> OnHeartbeatAsync(Hello sender, long term, CancellationToken token)
    {
        var result = await AppendEntriesAsync(IdOf(sender), term, new LogEntryProducer<WireEntry>(), 0, 0, 0, sender.StateVersion, token)
            .ConfigureAwait(false);
        return result.Term;
    }

    /// <summary>Null: send it.</summary>
    public Answer? OnSnapshotOffered(SnapshotRequest offer)
    {
        var term = AuditTrail.Term;
        if (offer.Term < term)
            return new(term, (byte)HeartbeatResult.Rejected, 0);
        return offer.Index <= AuditTrail.LastCommittedEntryIndex ? new(term, (byte)HeartbeatResult.Replicated, offer.Index) : null;
    }

    public async Task<Answer> OnSnapshotReceivedAsync(Hello sender, SnapshotRequest request, string path, CancellationToken token)
    {
        await InstallConfigurationAsync(request.Term, new BinaryTransferObject(request.Members), request.MembersVersion, token).ConfigureAwait(false);
        var snapshot = new ReceivedSnapshot(path, request.SnapshotTerm, request.Length);
        var result = await InstallSnapshotAsync(IdOf(sender), request.Term, snapshot, request.Index, sender.StateVersion, token).ConfigureAwait(false);
        // What was committed here meanwhile holds all that the snapshot would bring.
        return result.Value == HeartbeatResult.Rejected && OnSnapshotOffered(request) is { } answer ? answer : new(result.Term, (byte)result.Value, request.Index);
    }

    private static ClusterMemberId IdOf(Hello sender) => ClusterMemberId.FromEndPoint(RaftAddress.Parse(sender.Address));

    private Peer PeerAt(EndPoint address)
    {
        var hello = new Hello(_options.PublicAddress, AuditTrail.Version);
        return new(this, address, isRemote: !address.Equals(_self), () => new(address, hello, _options.Tls?.Client, VoteTimeout));
    }

    private async Task FollowMembersAsync()
    {
        await foreach (var members in _memberLists.Reader.ReadAllAsync().ConfigureAwait(false))
            await ApplyMembersAsync(members, LifecycleToken).ConfigureAwait(false);
    }

    private async Task ApplyMembersAsync(IClusterConfiguration<EndPoint> members, CancellationToken token)
    {
        var change = await ChangeConfigurationAsync(token).ConfigureAwait(false);
        await using (change.ConfigureAwait(false))
        {
            var known = change.Members.Values.ToImmutableDictionary(p => p.EndPoint);
            foreach (var (address, peer) in known)
                if (!members.Members.Contains(address))
                    change.MarkAsRemoved(peer);
            foreach (var address in members.Members.Where(a => !known.ContainsKey(a)))
                change.MarkAsAdded(PeerAt(address));
        }
    }

    private sealed class Timing(StoreOptions options) : IClusterMemberConfiguration
    {
        public ElectionTimeout ElectionTimeout { get; } = new()
        {
            LowerValue = (int)options.ElectionTimeoutMin.TotalMilliseconds,
            UpperValue = (int)options.ElectionTimeoutMax.TotalMilliseconds,
        };

        public double HeartbeatThreshold => 0.3;

        public bool Standby => false;

        public bool IsLeaderLeaseEnabled => false;
    }
}
