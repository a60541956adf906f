using Orchestrator.Model;

namespace Orchestrator.Simulation.Servers;

/// <summary>A change on its way into the log.</summary>
/// <param name="answer">Called at most once, in the proposing server. Null: the outcome is not known.</param>
internal sealed class Proposal(Change change, ulong decidedIn, ulong term, long readyMs, Action<ChangeResult?> answer)
{
    private bool _answered;

    public Change Change => change;

    public ulong DecidedIn => decidedIn;

    /// <summary>Of the leader that appends it.</summary>
    public ulong Term => term;

    /// <summary>When a majority could have it on disk.</summary>
    public long ReadyMs => readyMs;

    /// <summary>Some other server may have it: it can outlive its leader.</summary>
    public bool MaySurvive { get; set; }

    public void Answer(ChangeResult? result)
    {
        if (_answered)
            return;
        _answered = true;
        answer(result);
    }
}
