using Orchestrator.Simulation.Running;

namespace Orchestrator.Simulation.Faults;

internal static class NetworkFaults
{
    public static IReadOnlyList<Fault> All { get; } =
    [
        new(3, Isolate),
        new(3, CutOneWay),
        new(2, Split),
        new(2, Slow),
    ];

    private static void Isolate(SimulatedCluster cluster)
    {
        var name = cluster.Dice.Of(Names(cluster));
        Cut(cluster, [.. Names(cluster).Where(n => n != name).SelectMany(n => new[] { (name, n), (n, name) })]);
    }

    private static void CutOneWay(SimulatedCluster cluster)
    {
        var (from, to) = (cluster.Dice.Of(Names(cluster)), cluster.Dice.Of(Names(cluster)));
        if (from != to)
            Cut(cluster, [(from, to)]);
    }

    private static void Split(SimulatedCluster cluster)
    {
        var left = Names(cluster).Where(_ => cluster.Dice.Chance(40)).ToHashSet(StringComparer.Ordinal);
        Cut(cluster, [.. from a in left from b in Names(cluster) where !left.Contains(b) from pair in new[] { (a, b), (b, a) } select pair]);
    }

    private static void Slow(SimulatedCluster cluster)
    {
        var name = cluster.Dice.Of(Names(cluster));
        cluster.Trace.Write(name, $"has a slow network");
        cluster.Network.Slow(name, cluster.Dice.Between(50, 1200));
        cluster.Time.After(cluster.Dice.Between(1000, 6000), () => cluster.Network.Slow(name, 0));
    }

    private static void Cut(SimulatedCluster cluster, IReadOnlyList<(string From, string To)> ways)
    {
        cluster.Trace.Write("net", $"cut {string.Join(' ', ways.Select(w => $"{w.From}>{w.To}"))}");
        foreach (var (from, to) in ways)
            cluster.Network.Cut(from, to);
        cluster.Time.After(cluster.Dice.Between(200, 12_000), () =>
        {
            cluster.Trace.Write("net", $"heals {string.Join(' ', ways.Select(w => $"{w.From}>{w.To}"))}");
            foreach (var (from, to) in ways)
                cluster.Network.Heal(from, to);
        });
    }

    private static IReadOnlyList<string> Names(SimulatedCluster cluster) => [.. cluster.Servers.Select(s => s.Name), .. cluster.Machines.Select(m => m.Name)];
}
