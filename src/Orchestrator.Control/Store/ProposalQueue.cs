using System.Threading.Channels;
using Orchestrator.Model;

namespace Orchestrator.Control.Store;

/// <summary>
/// Gathers waiting proposals into log entries, one entry after the other. Proposers tend to come back with their next change as soon as they have
/// their answer; an entry costs all servers far more than a change in it, so the next one waits a moment for as many as the last one held.
/// </summary>
internal sealed class ProposalQueue : IAsyncDisposable
{
    private const int Waiting = 4096;
    private const int EntryChanges = 256;
    private const int EntryBytes = 1 << 20;
    private static readonly TimeSpan s_lingerMax = TimeSpan.FromMilliseconds(5);

    private readonly Channel<Proposal> _waiting = Channel.CreateBounded<Proposal>(Waiting);
    private readonly Func<ProposalBatch, Task> _commit;
    private readonly TimeProvider _time;
    private readonly Task _loop;
    private volatile TaskCompletionSource _enough = new();
    private volatile int _wanted = int.MaxValue;

    /// <param name="commit">Sets the batch's results, or throws what its proposers shall get.</param>
    public ProposalQueue(Func<ProposalBatch, Task> commit, TimeProvider time)
    {
        (_commit, _time) = (commit, time);
        _loop = Task.Run(RunAsync);
    }

    public async Task<ChangeResult> ProposeAsync(Proposal proposal, CancellationToken cancellation)
    {
        try
        {
            await _waiting.Writer.WriteAsync(proposal, cancellation).ConfigureAwait(false);
            if (_waiting.Reader.Count >= _wanted)
                _enough.TrySetResult();
        }
        catch (ChannelClosedException)
        {
            throw new NotLeaderException(null);
        }
        return await proposal.Outcome.Task.WaitAsync(cancellation).ConfigureAwait(false);
    }

    public async ValueTask DisposeAsync()
    {
        _waiting.Writer.TryComplete();
        await _loop.ConfigureAwait(false);
    }

    private async Task RunAsync()
    {
        var (last, took) = (0, TimeSpan.Zero);
        while (await _waiting.Reader.WaitToReadAsync().ConfigureAwait(false))
        {
            await LingerAsync(last, took / 2).ConfigureAwait(false);
            var proposals = Gather();
            var start = _time.GetTimestamp();
            await CommitAsync(new(proposals)).ConfigureAwait(false);
            (last, took) = (proposals.Count, _time.GetElapsedTime(start));
        }
    }

    /// <summary>A part of what the entry itself takes, so that proposers who do not come back cost the others little.</summary>
    private async Task LingerAsync(int wanted, TimeSpan time)
    {
        if (_waiting.Reader.Count >= wanted)
            return;
        var enough = _enough = new(TaskCreationOptions.RunContinuationsAsynchronously);
        _wanted = wanted;
        // Those who came before it was said how many are wanted.
        if (_waiting.Reader.Count < wanted)
            await enough.Task.WaitAsync(time < s_lingerMax ? time : s_lingerMax, _time).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _wanted = int.MaxValue;
    }

    private List<Proposal> Gather()
    {
        var (gathered, bytes) = (new List<Proposal>(), 0);
        while (gathered.Count < EntryChanges && bytes < EntryBytes && _waiting.Reader.TryRead(out var proposal))
        {
            gathered.Add(proposal);
            bytes += proposal.Size;
        }
        return gathered;
    }

    private async Task CommitAsync(ProposalBatch batch)
    {
        try
        {
            await _commit(batch).ConfigureAwait(false);
            for (var i = 0; i < batch.Proposals.Count; i++)
                batch.Proposals[i].Outcome.SetResult(batch.Results![i]);
        }
        catch (Exception e)
        {
            foreach (var proposal in batch.Proposals)
                proposal.Outcome.TrySetException(e);
        }
    }
}
