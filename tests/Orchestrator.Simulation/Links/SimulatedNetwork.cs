using Orchestrator.Simulation.Running;

namespace Orchestrator.Simulation.Links;

/// <summary>Which machine reaches which, one direction at a time, and how slowly.</summary>
internal sealed class SimulatedNetwork(Timeline time, Dice dice)
{
    private readonly HashSet<(string From, string To)> _cut = [];
    private readonly Dictionary<string, int> _slow = new(StringComparer.Ordinal);
    private readonly List<SimulatedStream> _streams = [];

    /// <summary>When anything was last cut, healed or slowed.</summary>
    public long ChangedMs { get; private set; }

    public Timeline Time => time;

    public bool IsWhole => _cut.Count == 0;

    public bool Reaches(string from, string to) => !_cut.Contains((from, to));

    public bool ReachBoth(string a, string b) => Reaches(a, b) && Reaches(b, a);

    public bool Reaches(IReadOnlyList<string> hops)
    {
        for (var i = 1; i < hops.Count; i++)
            if (!Reaches(hops[i - 1], hops[i]))
                return false;
        return true;
    }

    public int Latency(IReadOnlyList<string> hops) => hops.Sum(h => _slow.GetValueOrDefault(h)) + dice.Between(1, 3) * (hops.Count - 1);

    public void Cut(string from, string to) => Change(() => _cut.Add((from, to)));

    public void Heal(string from, string to) => Change(() => _cut.Remove((from, to)));

    public void Slow(string machine, int byMs) => Change(() => _slow[machine] = byMs);

    public void HealAll() => Change(() =>
    {
        _cut.Clear();
        _slow.Clear();
    });

    /// <summary>One message that may be lost: it arrives if the way is open when it is sent and when it arrives.</summary>
    public void Send(IReadOnlyList<string> hops, Action deliver)
    {
        if (Reaches(hops))
            time.After(Latency(hops), () =>
            {
                if (Reaches(hops))
                    deliver();
            });
    }

    public SimulatedStream Open(params IReadOnlyList<string> hops)
    {
        var stream = new SimulatedStream(this, hops);
        _streams.Add(stream);
        return stream;
    }

    public void Forget(SimulatedStream stream) => _streams.Remove(stream);

    /// <summary>Streams through this machine break; both ends see it, as far as they are reached.</summary>
    public void Break(string machine)
    {
        foreach (var stream in _streams.Where(s => s.Passes(machine)).ToList())
            stream.Break();
    }

    private void Change(Action change)
    {
        change();
        ChangedMs = time.NowMs;
        foreach (var stream in _streams.ToList())
            stream.Pump();
    }
}
