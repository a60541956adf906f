namespace Orchestrator.Control.Store.Peers;

/// <summary>
/// One round of votes, as the candidate sees it. It is decided when a majority has granted; whoever has not answered by then counts as
/// unreachable, because DotNext would wait for every member, also for a hung one.
/// </summary>
internal sealed class Ballot(int voters)
{
    private readonly TaskCompletionSource _decided = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly HashSet<Peer> _asked = [];
    private int _granted;

    public Task Decided => _decided.Task;

    /// <summary>False: this one was asked already, so a new round has begun.</summary>
    public bool TryAsk(Peer peer) => _asked.Add(peer);

    public void Grant()
    {
        if (Interlocked.Increment(ref _granted) == (voters / 2) + 1)
            _decided.SetResult();
    }
}
