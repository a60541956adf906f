using Orchestrator.Control.Store;
using Orchestrator.Model;
using Orchestrator.Simulation.Running;

namespace Orchestrator.Simulation.Servers;

/// <summary>A server: its process, its wall clock, how far it applied the log, and, while it believes that it leads, the leader's work.</summary>
internal sealed class SimulatedServer(SimulatedCluster cluster, string name)
{
    private static readonly StoreOptions s_options = new() { Directory = "", ListenAddress = "", PublicAddress = "" };

    // A paused process does nothing; what it should have done comes when it goes on.
    private readonly Queue<Action> _deferred = new();
    private readonly List<Proposal> _late = [];
    private int _incarnation;
    private int _applied;

    public string Name => name;

    public bool IsUp { get; private set; } = true;

    public bool IsPaused { get; private set; }

    public bool IsRunning => IsUp && !IsPaused;

    /// <summary>How wrong its clock is.</summary>
    public long ClockOffsetMs { get; set; }

    public long WallMs => SimulatedCluster.EpochMs + cluster.Time.NowMs + ClockOffsetMs;

    public ClusterState State => cluster.Log.StateAt(_applied);

    public int AppliedCount => _applied;

    /// <summary>Null: it does not take itself for the leader.</summary>
    public LeaderWork? Work { get; private set; }

    /// <summary>0: it does not take itself for the leader.</summary>
    public ulong LeadsTerm => Work?.Term ?? 0;

    /// <summary>Proposals that will never be committed by it.</summary>
    public List<Proposal> Doomed { get; } = [];

    public void Do(Action action)
    {
        if (IsPaused)
            _deferred.Enqueue(action);
        else if (IsUp)
            action();
    }

    /// <summary>In this life of the process only.</summary>
    public void After(long delayMs, Action action)
    {
        var incarnation = _incarnation;
        cluster.Time.After(delayMs, () =>
        {
            if (incarnation == _incarnation)
                Do(action);
        });
    }

    /// <param name="answer">Called at most once, in this life of the process. Null: the outcome is not known.</param>
    public void Propose(ulong leadership, Change change, Action<ChangeResult?> answer) => Propose(leadership, leadership, change, answer);

    private void Propose(ulong leadership, ulong decidedIn, Change change, Action<ChangeResult?> answer)
    {
        var (incarnation, answered) = (_incarnation, false);
        var proposal = cluster.Log.Propose(this, leadership, decidedIn, change, result => Do(() =>
        {
            if (answered || incarnation != _incarnation)
                return;
            answered = true;
            answer(result);
        }));
        After((long)s_options.ProposeTimeout.TotalMilliseconds, () => proposal.Answer(null));
    }

    public void CatchUp(int count)
    {
        if (count <= _applied)
            return;
        _applied = count;
        Work?.SeeState();
    }

    public void Win(ulong term)
    {
        StepDown();
        CatchUp(cluster.Log.Entries.Count);
        Work = new LeaderWork(cluster, this, term);
        Work.Start();
        // What an ended leadership had in line is appended under the new one.
        foreach (var late in _late)
            Propose(term, late.DecidedIn, late.Change, _ => { });
        _late.Clear();
    }

    /// <summary>Somebody else was elected: it learns so when it can, or gives up by itself.</summary>
    public void Lose()
    {
        if (Work is not { IsDoubted: false } work)
            return;
        work.IsDoubted = true;
        After(cluster.Dice.Between(20, 1200), () =>
        {
            if (Work == work)
                StepDown();
        });
    }

    public void Crash(bool machine)
    {
        cluster.Trace.Write(name, $"{(machine ? "its machine is lost" : "crashes")}");
        _incarnation++;
        (IsUp, IsPaused) = (false, false);
        _deferred.Clear();
        Doomed.Clear();
        _late.Clear();
        Work?.End(told: false);
        Work = null;
        if (!machine)
            cluster.Network.Break(name);
    }

    public void Restart()
    {
        if (IsUp)
            return;
        cluster.Trace.Write(name, $"starts");
        cluster.Network.Break(name);
        IsUp = true;
        FollowLeader();
    }

    public void Pause()
    {
        cluster.Trace.Write(name, $"is paused");
        IsPaused = true;
    }

    public void Resume()
    {
        if (!IsPaused)
            return;
        cluster.Trace.Write(name, $"goes on");
        IsPaused = false;
        for (var left = _deferred.Count; left > 0 && IsRunning; left--)
            _deferred.Dequeue()();
        if (Work is { } work && (cluster.Log.Leader != this || cluster.Log.Term != work.Term))
            Lose();
    }

    /// <summary>Nobody can be reached: a leader gives up, a follower gets no entries.</summary>
    public void Look()
    {
        if (Work is { } work && !cluster.Log.IsLeader(this, work.Term) && IsRunning)
            Lose();
        FollowLeader();
    }

    private void FollowLeader()
    {
        if (cluster.Log.Leader is { } leader && leader != this && cluster.Network.ReachBoth(leader.Name, name))
            After(cluster.Dice.Between(5, 50), () => CatchUp(cluster.Log.Entries.Count));
    }

    private void StepDown()
    {
        if (Work is not { } work)
            return;
        cluster.Trace.Write(name, $"no longer leads term {work.Term}");
        Work = null;
        work.End(told: true);
        foreach (var proposal in Doomed.ToList())
        {
            if (proposal.Change.RequestId.Length == 0 && cluster.Dice.Chance(50))
                _late.Add(proposal);
            proposal.Answer(null);
        }
        Doomed.Clear();
    }
}
