using Google.Protobuf;
using Microsoft.Extensions.Logging;
using Orchestrator.Model;

namespace Orchestrator.Control.Store;

/// <summary>The leader's digests, and the way back of a server whose state is not the leader's.</summary>
public sealed partial class ReplicatedStore
{
    private static readonly TimeSpan s_digestTick = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan s_rejoinPause = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan s_rejoinNotAgainWithin = TimeSpan.FromMinutes(10);
    private readonly DivergedData _diverged;
    private readonly Lock _rejoinLock = new();
    private Task _rejoining = Task.CompletedTask;
    private DateTimeOffset _rejoined = DateTimeOffset.MinValue;

    private static Change DigestOf(ClusterState state, ulong term = 0) => new()
    {
        NowMs = DateTimeOffset.UtcNow.ToUnixTimeMilliseconds(),
        Term = term,
        Operations = { new Operation { Digest = new() { AtRevision = state.Revision, Sha256 = ByteString.CopyFrom(state.Digest()) } } },
    };

    private async Task PublishDigestsAsync()
    {
        var (published, at) = (0UL, DateTimeOffset.UtcNow);
        using var timer = new PeriodicTimer(_options.DigestInterval < s_digestTick ? _options.DigestInterval : s_digestTick);
        while (await NextTickAsync(timer).ConfigureAwait(false))
        {
            var state = State;
            var due = DateTimeOffset.UtcNow - at >= _options.DigestInterval || state.Revision - published >= (ulong)_options.DigestEntries;
            if (due && state.Revision > published && _leadership.Current is { } leadership)
                (published, at) = (await PublishDigestAsync(state, leadership).ConfigureAwait(false), DateTimeOffset.UtcNow);
        }
    }

    private async Task<bool> NextTickAsync(PeriodicTimer timer)
    {
        try
        {
            return await timer.WaitForNextTickAsync(_closing.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            return false;
        }
    }

    /// <summary>The digest's own revision: a state that has only that on top needs no other.</summary>
    private async Task<ulong> PublishDigestAsync(ClusterState state, Leadership leadership)
    {
        try
        {
            var result = await ProposeAsync(DigestOf(state, leadership.Term), _closing.Token).ConfigureAwait(false);
            return result.Revision;
        }
        catch (Exception e) when (e is NotLeaderException or OutcomeUnknownException or OperationCanceledException)
        {
            return 0;
        }
    }

    private void OnDiverged(ulong revision)
    {
        lock (_rejoinLock)
        {
            if (!_rejoining.IsCompleted || _closing.IsCancellationRequested)
                return;
            if (_options.Rejoin is null || DateTimeOffset.UtcNow - _rejoined < s_rejoinNotAgainWithin)
                _completion.TrySetException(new InvalidDataException($"this server's state at revision {revision} differs from the leader's"));
            else
                BeginRejoin();
        }
    }

    private void BeginRejoin()
    {
        var steps = _options.Rejoin
            ?? throw new InvalidDataException($"{_options.Directory} holds the data of a server that diverged: remove the server from the cluster, "
                + "delete the directory, and join again");
        _rejoining = Task.Run(() => RejoinAsync(steps));
    }

    private async Task RejoinAsync(RejoinSteps steps)
    {
        try
        {
            _diverged.Mark();
            await RepeatAsync("leave the cluster", steps.Leave).ConfigureAwait(false);
            if (Interlocked.Exchange(ref _node, null) is { } node)
                await node.DisposeAsync().ConfigureAwait(false);
            var aside = _diverged.SetAside(DateTimeOffset.UtcNow);
            _log.LogCritical("the diverged data is now in {Directory}: this server joins again as a new one", aside);
            _node = await StartNodeAsync(bootstrap: false, _closing.Token).ConfigureAwait(false);
            await RepeatAsync("join the cluster again", steps.Join).ConfigureAwait(false);
            _diverged.Unmark();
            _rejoined = DateTimeOffset.UtcNow;
        }
        catch (OperationCanceledException) when (_closing.IsCancellationRequested)
        {
            // Closing: the mark stays, and the next start goes on.
        }
        catch (Exception e)
        {
            _log.LogCritical(e, "this server diverged from the others and cannot join again");
            _completion.TrySetException(e);
        }
    }

    private async Task RepeatAsync(string what, Func<CancellationToken, Task> step)
    {
        while (true)
        {
            try
            {
                await step(_closing.Token).ConfigureAwait(false);
                return;
            }
            catch (Exception e) when (!_closing.IsCancellationRequested)
            {
                _log.LogWarning(e, "cannot {What} yet", what);
            }
            await Task.Delay(s_rejoinPause, _closing.Token).ConfigureAwait(false);
        }
    }
}
