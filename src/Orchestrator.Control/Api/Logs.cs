using System.Threading.Channels;
using Grpc.Core;
using Orchestrator.Control.Dispatching;
using Orchestrator.Control.Leading;
using Orchestrator.Control.Store;
using Orchestrator.Model;

namespace Orchestrator.Control.Api;

/// <summary>The lines of all replicas of a service, also of those that ended and whose logs an agent still holds.</summary>
internal sealed class Logs(ReplicatedStore store, Leader leader)
{
    private const long NanosecondsOfMillisecond = 1_000_000;
    private const long PatienceMs = 60_000;

    private static readonly TimeSpan s_pause = TimeSpan.FromMilliseconds(250);

    public async Task StreamAsync(LogsRequest request, IServerStreamWriter<LogLine> responses, CancellationToken cancellation)
    {
        var work = await leader.CurrentAsync(cancellation);
        await store.ReadBarrierAsync(cancellation);
        var replicas = Replicas(store.State, request.Service);
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellation, work.Lost);
        try
        {
            await (request.Follow ? FollowAsync(work, request, replicas, responses, stop.Token) : DumpAsync(work, request, replicas, responses, stop.Token));
        }
        finally
        {
            await stop.CancelAsync();
        }
    }

    private static async Task DumpAsync(
        LeaderWork work, LogsRequest request, IEnumerable<Replica> replicas, IServerStreamWriter<LogLine> responses, CancellationToken cancellation)
    {
        var sources = replicas.Select(replica =>
        {
            var lines = Channel.CreateBounded<LogLine>(256);
            _ = PumpAsync(work, request, replica, lines.Writer, cancellation).ContinueWith(
                _ => lines.Writer.Complete(), CancellationToken.None, TaskContinuationOptions.None, TaskScheduler.Default);
            return lines.Reader;
        });
        await foreach (var line in LogMerge.ByTimeAsync([.. sources], cancellation))
            await responses.WriteAsync(line, cancellation);
    }

    private async Task FollowAsync(
        LeaderWork work, LogsRequest request, IEnumerable<Replica> replicas, IServerStreamWriter<LogLine> responses, CancellationToken cancellation)
    {
        var lines = Channel.CreateBounded<LogLine>(1024);
        var joining = JoinNewAsync(work, request, replicas, lines.Writer, cancellation);
        await foreach (var batch in LogMerge.WindowsAsync(lines.Reader, cancellation))
            foreach (var line in batch)
                await responses.WriteAsync(line, cancellation);
        await joining;
    }

    // A replica that replaces one that is followed is followed too, from its first line.
    private async Task JoinNewAsync(
        LeaderWork work, LogsRequest request, IEnumerable<Replica> first, ChannelWriter<LogLine> lines, CancellationToken cancellation)
    {
        var followed = new HashSet<string>(StringComparer.Ordinal);
        var pumps = new List<Task>();
        var state = store.State;
        var found = first.Where(r => r.IsPlaced()).ToList();
        var service = Lookup.TryService(state, request.Service);
        while (true)
        {
            foreach (var replica in found.Where(r => followed.Add(r.Id)))
                pumps.Add(FollowReplicaAsync(work, request, replica, lines, cancellation));
            if (service is null)
                break;
            state = await store.WaitForRevisionAfterAsync(state.Revision, cancellation);
            found = [.. state.ReplicasOf(service.Id).All.Where(r => r.State() >= ReplicaState.Starting && r.IsPlaced())];
        }
        await Task.WhenAll(pumps);
        lines.Complete();
    }

    private static async Task PumpAsync(LeaderWork work, LogsRequest request, Replica replica, ChannelWriter<LogLine> lines, CancellationToken cancellation)
    {
        try
        {
            await ReadAsync(work, request, replica, line => lines.WriteAsync(line, cancellation), cancellation);
        }
        catch (Exception e) when (IsAgentsFault(e, cancellation))
        {
            await lines.WriteAsync(Named(new LogLine { Error = Reason(e) }, replica), cancellation);
        }
    }

    /// <summary>Goes on where it was when the agent can be reached again: after a change of leader, it comes a moment later than who follows.</summary>
    private async Task FollowReplicaAsync(
        LeaderWork work, LogsRequest request, Replica replica, ChannelWriter<LogLine> lines, CancellationToken cancellation)
    {
        var (from, lastNs, silentSince) = (request.Clone(), 0L, 0L);
        while (true)
        {
            try
            {
                await ReadAsync(work, from, replica, Write, cancellation);
                return;
            }
            catch (Exception e) when (IsAgentsFault(e, cancellation))
            {
                silentSince = silentSince == 0 ? Environment.TickCount64 : silentSince;
                if (Environment.TickCount64 - silentSince is var silent && silent > PatienceMs || !IsLive(replica))
                {
                    await lines.WriteAsync(Named(new LogLine { Error = Reason(e) }, replica), cancellation);
                    return;
                }
            }
            await Task.Delay(s_pause, cancellation);
        }

        ValueTask Write(LogLine line)
        {
            silentSince = 0;
            if (line.TimeNs <= lastNs)
                return ValueTask.CompletedTask;
            lastNs = line.TimeNs;
            (from.SinceMs, from.Tail) = (lastNs / NanosecondsOfMillisecond, -1);
            return lines.WriteAsync(line, cancellation);
        }
    }

    private bool IsLive(Replica replica) => store.State.Replicas.GetValueOrDefault(replica.Id)?.IsLive() == true;

    private static async Task ReadAsync(
        LeaderWork work, LogsRequest request, Replica replica, Func<LogLine, ValueTask> write, CancellationToken cancellation)
    {
        using var stream = await work.Streams.OpenAsync(replica.NodeId, new OpenStream { ReplicaId = replica.Id, Logs = request.Clone() }, cancellation);
        await foreach (var chunk in stream.ReadAsync(cancellation))
            if (chunk.Log is { } line)
                await write(Named(line, replica));
    }

    private static bool IsAgentsFault(Exception e, CancellationToken cancellation) =>
        e is AgentUnreachableException or RpcException or IOException || (e is InvalidOperationException && !cancellation.IsCancellationRequested);

    private static string Reason(Exception e) => e is RpcException rpc ? rpc.Status.Detail : e.Message;

    private static LogLine Named(LogLine line, Replica replica)
    {
        line.ReplicaId = replica.Id;
        line.ReplicaName = $"{replica.Service}.{replica.Slot}";
        return line;
    }

    private static List<Replica> Replicas(ClusterState state, string name) =>
        Lookup.TryService(state, name) is { } service
            ? [.. state.ReplicasOf(service.Id).All.Where(r => r.IsPlaced() && (r.State() >= ReplicaState.Starting || r.IsLive()))]
            : [Placed(Lookup.Replica(state, name))];

    private static Replica Placed(Replica replica) =>
        replica.IsPlaced() ? replica : throw Refusals.Precondition($"replica {replica.Id} is on no node yet: {replica.Message}");
}
