using DotNext.IO.Log;
using DotNext.Net.Cluster.Consensus.Raft;
using DotNext.Net.Cluster.Consensus.Raft.StateMachine;
using Orchestrator.Control.Store;
using Orchestrator.Control.Store.Peers;
using Orchestrator.Model;
using Xunit;

namespace Orchestrator.Tests.Control.Store;

/// <summary>What servers say to each other, beyond the plain course.</summary>
public sealed class PeersTests
{
    private static readonly TimeSpan s_silence = TimeSpan.FromSeconds(5);

    [Fact]
    public async Task A_snapshot_whose_answer_was_lost_is_answered_as_done_when_it_is_sent_again()
    {
        await using var cluster = new StoreCluster();
        var server = await cluster.AddServerAsync(bootstrap: false);
        var state = ClusterState.Empty.Apply(StoreCluster.PutStack("a"), 10, 1).State;
        using var leader = LeaderOf(server);
        for (var i = 0; i < 2; i++)
        {
            var answer = await SendSnapshotAsync(leader, state, index: 10, term: 1);
            Assert.Contains((HeartbeatResult)answer.Value, new[] { HeartbeatResult.Replicated, HeartbeatResult.ReplicatedWithLeaderTerm });
        }
        Assert.Contains("a", server.Store.State.Stacks.Keys);
    }

    [Fact]
    public async Task A_snapshot_of_an_earlier_leader_is_refused_with_the_newer_term()
    {
        await using var cluster = new StoreCluster();
        var server = await cluster.AddServerAsync(bootstrap: false);
        using var leader = LeaderOf(server);
        await SendSnapshotAsync(leader, ClusterState.Empty, index: 10, term: 5);
        var answer = await SendSnapshotAsync(leader, ClusterState.Empty, index: 20, term: 4);
        Assert.Equal((5, HeartbeatResult.Rejected), (answer.Term, (HeartbeatResult)answer.Value));
    }

    /// <summary>The leader knows less of a follower than it holds (an answer was lost), and the follower's snapshot has another term than the
    /// entries before it.</summary>
    [Theory]
    [InlineData(5, 2)]
    [InlineData(5, 5)]
    [InlineData(9, 4)]
    public async Task Entries_that_a_follower_has_committed_already_are_passed_over(int prevIndex, int count)
    {
        await using var cluster = new StoreCluster();
        var server = await cluster.AddServerAsync(bootstrap: false);
        using var leader = LeaderOf(server);
        await SendSnapshotAsync(leader, ClusterState.Empty, index: 10, term: 3);
        var answer = await AppendAsync(server, leader, term: 3, prevIndex, prevTerm: prevIndex < 9 ? 1 : 2, count);
        Assert.NotEqual(HeartbeatResult.Rejected, (HeartbeatResult)answer.Value);
    }

    /// <summary>Entry by entry would take a round of replication for each.</summary>
    [Fact]
    public async Task A_follower_whose_tail_differs_sends_the_leader_back_to_what_is_committed()
    {
        await using var cluster = new StoreCluster();
        var server = await cluster.AddServerAsync(bootstrap: false);
        using var leader = LeaderOf(server);
        await SendSnapshotAsync(leader, ClusterState.Empty, index: 10, term: 1);
        await AppendAsync(server, leader, term: 1, prevIndex: 10, prevTerm: 1, count: 20);
        var differs = await AppendAsync(server, leader, term: 2, prevIndex: 29, prevTerm: 2, count: 1);
        var missing = await AppendAsync(server, leader, term: 2, prevIndex: 40, prevTerm: 2, count: 1);
        Assert.Equal((HeartbeatResult.Rejected, 10L), ((HeartbeatResult)differs.Value, differs.Index));
        Assert.Equal((HeartbeatResult.Rejected, 30L), ((HeartbeatResult)missing.Value, missing.Index));
    }

    [Fact]
    public async Task Entries_leave_the_log_in_parts_of_bounded_size()
    {
        var directory = Directory.CreateTempSubdirectory("orc-log-");
        try
        {
            await using var log = new DurableLog(new WriteAheadLog.Options { Location = directory.FullName, ChunkSize = 4 << 20 }, IStateMachine.CreateNoOp(1000));
            var entry = new BinaryLogEntry { Term = 1, Content = new byte[300_000] };
            for (var i = 0; i < 20; i++)
                await log.AppendAsync(entry, StoreCluster.Deadline);
            IAuditTrail<IRaftLogEntry> asDotNextReads = log;
            var (sizes, next) = (new List<int>(), 1L);
            while (next <= 20)
            {
                var part = await asDotNextReads.ReadAsync(new Parts(), next, 20, StoreCluster.Deadline);
                Assert.Equal(next + part.Length <= 20, part.IsPartial);
                sizes.Add(part.Length);
                next += part.Length;
            }
            Assert.Equal(new[] { 4, 4, 4, 4, 4 }, sizes);
        }
        finally
        {
            directory.Delete(recursive: true);
        }
    }

    [Theory]
    [InlineData(new byte[] { 1, 2, 3, 4, 5, 6, 7, 8, 9 })]
    [InlineData(new byte[] { 3, 0, 0, 0, 4, 1, 1 })]
    [InlineData(new byte[] { 2, 0, 0, 0, 1, 1 })]
    public async Task What_no_server_would_say_ends_the_connection_and_nothing_else(byte[] nonsense)
    {
        await using var cluster = await StoreCluster.StartAsync(1);
        using var stranger = new PeerConnection(RaftAddress.Parse(cluster.Servers[0].Address), new Hello("127.0.0.1:9", 0), StoreCluster.ClientTls, s_silence);
        await Assert.ThrowsAnyAsync<IOException>(() => stranger.AskAsync(
            async c =>
            {
                await c.SendAsync((FrameKind)nonsense[4], nonsense.AsMemory(5));
                return await c.ReceiveAnswerAsync();
            },
            s_silence,
            StoreCluster.Deadline));
        Assert.Null((await cluster.ProposeAsync(StoreCluster.PutStack("a"))).Refusal);
    }

    private static PeerConnection LeaderOf(StoreCluster.Server follower) =>
        new(RaftAddress.Parse(follower.Address), new Hello("127.0.0.1:9", 0), StoreCluster.ClientTls, s_silence);

    private static async Task<Answer> SendSnapshotAsync(PeerConnection leader, ClusterState state, long index, long term)
    {
        var path = Path.GetTempFileName();
        try
        {
            using (var file = File.Create(path))
                SnapshotFormat.Write(file, state, index, term);
            return await leader.AskAsync(SendAsync, s_silence, StoreCluster.Deadline);
        }
        finally
        {
            File.Delete(path);
        }

        async Task<Answer> SendAsync(Conversation conversation)
        {
            await using var file = File.OpenRead(path);
            return await SnapshotSender.SendAsync(conversation, new(term, index, term, file.Length, long.MinValue, new byte[4]), file);
        }
    }

    /// <summary>No-ops of this term, the whole appended to the fake leader's knowledge.</summary>
    private static async Task<Answer> AppendAsync(StoreCluster.Server server, PeerConnection leader, long term, long prevIndex, long prevTerm, int count)
    {
        Assert.True(server.IsRunning);
        var entries = new MemoryStream();
        for (var i = 0; i < count; i++)
        {
            entries.Write(BitConverter.GetBytes(term));
            entries.Write(new byte[1 + 4 + 4]);
        }
        return await leader.AskAsync(SendAsync, s_silence, StoreCluster.Deadline);

        async Task<Answer> SendAsync(Conversation conversation)
        {
            await conversation.SendAsync(FrameKind.Append, new AppendRequest(term, prevIndex, prevTerm, 0, count, entries.ToArray()));
            return await conversation.ReceiveAnswerAsync();
        }
    }

    private sealed class Parts : ILogEntryConsumer<IRaftLogEntry, (int Length, bool IsPartial)>
    {
        public ValueTask<(int Length, bool IsPartial)> ReadAsync<TEntry, TList>(TList entries, long? snapshotIndex, CancellationToken token)
            where TEntry : IRaftLogEntry
            where TList : IReadOnlyList<TEntry> => new((entries.Count, ((EntryChunk)(object)entries).IsPartial));
    }
}
