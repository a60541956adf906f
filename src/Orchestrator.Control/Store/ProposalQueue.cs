using System.Threading.Channels;
using Orchestrator.Model;

namespace Orchestrator.Control.Store;

/// <summary>Gathers waiting proposals into log entries. Two loops, so that one entry is under way while the next is gathered.</summary>
internal sealed class ProposalQueue : IAsyncDisposable
{
    private const int Loops = 2;
    private const int Waiting = 4096;
    private const int EntryChanges = 256;
    private const int EntryBytes = 1 << 20;

    private readonly Channel<Proposal> _waiting = Channel.CreateBounded<Proposal>(Waiting);
    private readonly Func<ProposalBatch, Task> _commit;
    private readonly Task _loops;

    /// <param name="commit">Sets the batch's results, or throws what its proposers shall get.</param>
    public ProposalQueue(Func<ProposalBatch, Task> commit)
    {
        _commit = commit;
        _loops = Task.WhenAll(Enumerable.Range(0, Loops).Select(_ => Task.Run(RunAsync)));
    }

    public async Task<ChangeResult> ProposeAsync(Proposal proposal, CancellationToken cancellation)
    {
        try
        {
            await _waiting.Writer.WriteAsync(proposal, cancellation).ConfigureAwait(false);
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
        await _loops.ConfigureAwait(false);
    }

    private async Task RunAsync()
    {
        while (await _waiting.Reader.WaitToReadAsync().ConfigureAwait(false))
            if (Gather() is { Count: > 0 } proposals)
                await CommitAsync(new(proposals)).ConfigureAwait(false);
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
