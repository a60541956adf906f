using Orchestrator.Model;
using Orchestrator.Simulation.Running;

namespace Orchestrator.Simulation.Servers;

/// <summary>
/// What Raft promises, without Raft: one leader a term, what is committed stays and is the same for all; what is only proposed may be lost, or outlive
/// its leader, in order. A leader that lost its majority believes in itself for a while.
/// </summary>
internal sealed class ReplicatedLog(SimulatedCluster cluster)
{
    private const int TickMs = 100, ElectionMsMin = 500, ElectionMsMax = 1500;

    private readonly List<LogEntry> _entries = [];
    private readonly List<Proposal> _pending = [];
    private long? _electionMs;

    public IReadOnlyList<LogEntry> Entries => _entries;

    public ulong Term { get; private set; }

    /// <summary>The one server that can commit, if it reaches a majority.</summary>
    public SimulatedServer? Leader { get; private set; }

    public ClusterState Newest => _entries.Count > 0 ? _entries[^1].State : ClusterState.Empty;

    /// <summary>Since when there is a leader that reaches a majority and answers; null: there is none.</summary>
    public long? SteadySinceMs { get; private set; }

    /// <summary>A slow disk or network among the servers, added to every commit.</summary>
    public int SlowMs { get; set; }

    public ClusterState StateAt(int applied) => applied == 0 ? ClusterState.Empty : _entries[applied - 1].State;

    public void Start() => Tick();

    public bool IsLeader(SimulatedServer server, ulong term) => server == Leader && term == Term && server.IsRunning && HasMajority(server);

    public Proposal Propose(SimulatedServer server, ulong term, ulong decidedIn, Change change, Action<ChangeResult?> answer)
    {
        var readyMs = cluster.Time.NowMs + cluster.Dice.Between(1, 6) + SlowMs;
        var proposal = new Proposal(change, decidedIn, term, readyMs, answer)
        {
            MaySurvive = cluster.Servers.Count == 1 || cluster.Servers.Any(s => s != server && s.IsUp && cluster.Network.Reaches(server.Name, s.Name)),
        };
        // A deposed leader's entry goes nowhere; it learns so when it steps down.
        if (server != Leader || term != Term)
        {
            server.Doomed.Add(proposal);
            return proposal;
        }
        _pending.Add(proposal);
        cluster.Time.After(readyMs - cluster.Time.NowMs, Commit);
        return proposal;
    }

    /// <summary>An election that nothing forced: the leader may be elected again.</summary>
    public void Depose()
    {
        var candidates = cluster.Servers.Where(s => s.IsRunning && HasMajority(s)).ToList();
        if (candidates.Count > 0)
            Elect(cluster.Dice.Of<SimulatedServer>(candidates));
    }

    private bool HasMajority(SimulatedServer server) =>
        2 * cluster.Servers.Count(s => s == server || (s.IsRunning && cluster.Network.ReachBoth(server.Name, s.Name))) > cluster.Servers.Count;

    private void Tick()
    {
        if (Leader is { } leader && leader.IsRunning && HasMajority(leader) && leader.LeadsTerm == Term)
        {
            _electionMs = null;
            SteadySinceMs ??= cluster.Time.NowMs;
            Commit();
        }
        else
        {
            SteadySinceMs = null;
            _electionMs ??= cluster.Time.NowMs + cluster.Dice.Between(ElectionMsMin, ElectionMsMax);
            if (cluster.Time.NowMs >= _electionMs)
                Depose();
        }
        cluster.Time.After(TickMs, Tick);
    }

    private void Elect(SimulatedServer server)
    {
        _electionMs = null;
        SteadySinceMs = null;
        Settle();
        Term += (ulong)cluster.Dice.Between(1, 2);
        var former = Leader;
        Leader = server;
        cluster.Trace.Write(server.Name, $"is elected in term {Term}");
        if (former is not null && former.IsUp)
            former.Lose();
        server.CatchUp(_entries.Count);
        server.Win(Term);
    }

    /// <summary>What the former leader had only proposed: some of it the new one has, in order; the rest is lost.</summary>
    private void Settle()
    {
        var surviving = _pending.TakeWhile(p => p.MaySurvive && cluster.Dice.Chance(60)).ToList();
        foreach (var proposal in surviving)
            Append(proposal, answers: false);
        foreach (var proposal in _pending)
            Leader!.Doomed.Add(proposal);
        _pending.Clear();
    }

    private void Commit()
    {
        if (Leader is not { } leader || !IsLeader(leader, Term))
            return;
        while (_pending.Count > 0 && _pending[0].ReadyMs <= cluster.Time.NowMs)
        {
            var proposal = _pending[0];
            _pending.RemoveAt(0);
            Append(proposal, answers: true);
        }
    }

    private void Append(Proposal proposal, bool answers)
    {
        var before = Newest;
        var revision = (ulong)_entries.Count + 1;
        var (state, result) = cluster.Rules.Apply(before, proposal.Change, revision, proposal.Term, Leader!.Name);
        var entry = new LogEntry(revision, proposal.Term, proposal.DecidedIn, proposal.Change, state, result);
        _entries.Add(entry);
        cluster.Checks.Applied(before, entry);
        if (answers)
            Leader.CatchUp(_entries.Count);
        foreach (var follower in cluster.Servers.Where(s => s != Leader))
            Follow(follower);
        if (answers)
            proposal.Answer(result);
    }

    private void Follow(SimulatedServer follower)
    {
        var count = _entries.Count;
        follower.After(cluster.Dice.Between(1, 20), () =>
        {
            if (Leader is { } leader && cluster.Network.ReachBoth(leader.Name, follower.Name))
                follower.CatchUp(count);
        });
    }
}
