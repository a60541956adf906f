using System.Globalization;

namespace Orchestrator.Model;

/// <summary>Amounts in words for people.</summary>
public static class Amount
{
    private static readonly (long Size, string Name)[] s_units = [(1L << 40, "TiB"), (1L << 30, "GiB"), (1L << 20, "MiB"), (1L << 10, "KiB")];

    /// <summary>"512 MiB", "1.5 GiB".</summary>
    public static string Bytes(long bytes)
    {
        foreach (var (size, name) in s_units)
            if (bytes >= size)
                return string.Create(CultureInfo.InvariantCulture, $"{(decimal)bytes / size:0.##} {name}");
        return string.Create(CultureInfo.InvariantCulture, $"{bytes} B");
    }

    /// <summary>"0.5 cpus".</summary>
    public static string Cpus(long nanoCpus) => string.Create(CultureInfo.InvariantCulture, $"{nanoCpus / 1e9m:0.###} cpus");

    /// <summary>"3.2 s".</summary>
    public static string Seconds(long milliseconds) => string.Create(CultureInfo.InvariantCulture, $"{milliseconds / 1e3m:0.###} s");
}
