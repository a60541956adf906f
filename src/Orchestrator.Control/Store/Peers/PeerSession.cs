using System.Diagnostics;

namespace Orchestrator.Control.Store.Peers;

/// <summary>The answering side of one connection. While it works on a request it says so, because a disk may be slower than a server may be silent.</summary>
internal sealed class PeerSession(RaftGroup group, FrameStream frames, CancellationToken closing)
{
    private static readonly TimeSpan s_signOfLife = TimeSpan.FromMilliseconds(100);

    public async Task RunAsync()
    {
        var first = await frames.ReadAsync(closing).ConfigureAwait(false);
        var sender = first.Kind == FrameKind.Hello ? Hello.Parse(first.Body) : throw Unexpected(first.Kind);
        while (true)
        {
            var answer = await AnswerAsync(sender, await frames.ReadAsync(closing).ConfigureAwait(false)).ConfigureAwait(false);
            await frames.WriteAsync(FrameKind.Answer, answer, closing).ConfigureAwait(false);
        }
    }

    private Task<Answer> AnswerAsync(Hello sender, Frame request) => request.Kind switch
    {
        FrameKind.PreVote => WorkAsync(group.OnPreVoteAsync(sender, VoteRequest.Parse(request.Body), closing)),
        FrameKind.Vote => WorkAsync(group.OnVoteAsync(sender, VoteRequest.Parse(request.Body), closing)),
        FrameKind.Append => WorkAsync(group.OnAppendAsync(sender, AppendRequest.Parse(request.Body), closing)),
        FrameKind.Synchronize => WorkAsync(group.OnSynchronizeAsync(SynchronizeRequest.Parse(request.Body), closing)),
        FrameKind.Snapshot => SnapshotAsync(sender, SnapshotRequest.Parse(request.Body)),
        _ => throw Unexpected(request.Kind),
    };

    private async Task<Answer> SnapshotAsync(Hello sender, SnapshotRequest request)
    {
        if (group.OnSnapshotOffered(request) is { } answer)
            return answer;
        await frames.WriteAsync(FrameKind.Continue, closing).ConfigureAwait(false);
        var path = group.Snapshots.NewIncomingPath();
        try
        {
            await ReceiveAsync(sender, request, path).ConfigureAwait(false);
            return await WorkAsync(group.OnSnapshotReceivedAsync(sender, request, path, closing)).ConfigureAwait(false);
        }
        finally
        {
            File.Delete(path);
        }
    }

    private async Task ReceiveAsync(Hello sender, SnapshotRequest request, string path)
    {
        var file = new FileStream(path, FileMode.CreateNew, FileAccess.Write, FileShare.None, 0, FileOptions.Asynchronous);
        await using var _ = file.ConfigureAwait(false);
        var heard = 0L;
        while (file.Position < request.Length)
        {
            var frame = await frames.ReadAsync(closing).ConfigureAwait(false);
            if (frame.Kind != FrameKind.SnapshotBytes)
                throw Unexpected(frame.Kind);
            await file.WriteAsync(frame.Body, closing).ConfigureAwait(false);
            if (Stopwatch.GetElapsedTime(heard) < s_signOfLife)
                continue;
            // No entries come meanwhile, so this is all that says that there is a leader.
            heard = Stopwatch.GetTimestamp();
            if (await group.OnHeartbeatAsync(sender, request.Term, closing).ConfigureAwait(false) > request.Term)
                throw new IOException("the sender of a snapshot is no longer the leader");
        }
    }

    private async Task<Answer> WorkAsync(Task<Answer> work)
    {
        while (!work.IsCompleted)
        {
            await ((Task)work).WaitAsync(s_signOfLife).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            if (!work.IsCompleted)
                await SignOfLifeAsync(work).ConfigureAwait(false);
        }
        return await work.ConfigureAwait(false);
    }

    private async Task SignOfLifeAsync(Task work)
    {
        try
        {
            await frames.WriteAsync(FrameKind.Working, closing).ConfigureAwait(false);
        }
        catch (IOException)
        {
            // The work uses what the session holds.
            await work.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            throw;
        }
    }

    private static InvalidDataException Unexpected(FrameKind kind) => new($"a server sent {kind} where something else was due");
}
