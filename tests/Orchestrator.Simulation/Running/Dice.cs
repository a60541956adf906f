namespace Orchestrator.Simulation.Running;

/// <summary>All chance of a run, from its seed (SplitMix64).</summary>
internal sealed class Dice(ulong seed)
{
    private ulong _state = seed * 0x9E3779B97F4A7C15 + 0x2545F4914F6CDD1D;

    public ulong Next()
    {
        var z = _state += 0x9E3779B97F4A7C15;
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
        return z ^ (z >> 31);
    }

    /// <summary>Both ends included.</summary>
    public int Between(int least, int most) => least + (int)(((UInt128)Next() * (ulong)(most - least + 1)) >> 64);

    public bool Chance(int percent) => Between(1, 100) <= percent;

    public T Of<T>(params IReadOnlyList<T> choices) => choices[Between(0, choices.Count - 1)];

    /// <summary>One of those that pass; the default when none does.</summary>
    public T? Of<T>(IEnumerable<T> choices, Func<T, bool> passes) where T : class
    {
        var passing = choices.Where(passes).ToList();
        return passing.Count > 0 ? Of<T>(passing) : null;
    }

    /// <summary>Short mostly, long sometimes: around <paramref name="meanMs"/>, up to five times that.</summary>
    public int Wait(int meanMs)
    {
        var fraction = 1 - (Next() >> 11) * (1.0 / (1UL << 53));
        return (int)Math.Min(5.0 * meanMs, -Math.Log(fraction) * meanMs);
    }
}
