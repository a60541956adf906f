namespace Orchestrator.Model.Scheduling;

/// <summary>The nodes that may take the next replica of one service, best first. New ones come from a ranking, of which only as much is read as is
/// needed; those that run the service already stand behind them (spread) or among them (binpack).</summary>
/// <param name="placing">For what.</param>
/// <param name="ranking">All nodes in question, in the order of the service's strategy.</param>
/// <param name="running">Those of them that run the service already; read when the others are used up.</param>
internal sealed class NodeQueue(Placing placing, IEnumerator<Candidate> ranking, IEnumerable<Candidate> running) : IDisposable
{
    private readonly PriorityQueue<Candidate, Rank> _again = new();
    private IEnumerable<Candidate>? _running = running;
    private Candidate? _fresh;
    private bool _isFresh;

    /// <summary>Null: no node of these takes another replica.</summary>
    public (Candidate Node, Rank Rank)? Peek()
    {
        _fresh ??= NextFresh();
        if (_fresh is null)
            EnqueueRunning();
        var hasAgain = _again.TryPeek(out var again, out var rank);
        _isFresh = _fresh is not null && !(hasAgain && rank.CompareTo(placing.RankOf(_fresh)) < 0);
        if (_isFresh)
            return (_fresh!, placing.RankOf(_fresh!));
        return hasAgain ? (again!, rank) : null;
    }

    /// <summary>Places a replica on what <see cref="Peek"/> answered.</summary>
    public Candidate Take()
    {
        var taken = _isFresh ? _fresh! : _again.Dequeue();
        if (_isFresh)
            _fresh = null;
        placing.PlaceOn(taken);
        if (placing.Refusal(taken) is null)
            _again.Enqueue(taken, placing.RankOf(taken));
        return taken;
    }

    public void Dispose() => ranking.Dispose();

    private Candidate? NextFresh()
    {
        while (ranking.MoveNext())
            if ((placing.Packs || placing.Counts.Staying(ranking.Current.Node.Id) == 0) && placing.Refusal(ranking.Current) is null)
                return ranking.Current;
        return null;
    }

    private void EnqueueRunning()
    {
        if (_running is null)
            return;
        var queued = _again.UnorderedItems.Select(i => i.Element).ToHashSet();
        foreach (var candidate in _running)
            if (!queued.Contains(candidate) && placing.Refusal(candidate) is null)
                _again.Enqueue(candidate, placing.RankOf(candidate));
        _running = null;
    }
}
