using System.Buffers;
using System.Globalization;

namespace Orchestrator.Compose.Values;

/// <summary>"1m30s", "500ms": numbers with units, largest first or not, as compose files write them.</summary>
public static class Duration
{
    public const string Accepted = "a duration such as 30s, 1m30s or 500ms";

    private static readonly SearchValues<char> s_digits = SearchValues.Create("0123456789.");

    private const decimal MaxMilliseconds = 10m * 365 * 24 * 3_600_000;

    private static readonly (string Unit, decimal Milliseconds)[] s_units =
        [("ms", 1), ("us", 0.001m), ("µs", 0.001m), ("ns", 0.000001m), ("h", 3_600_000), ("m", 60_000), ("s", 1_000)];

    /// <summary>Anything above zero is at least one millisecond.</summary>
    public static bool TryParse(string text, out long milliseconds)
    {
        var total = 0m;
        var rest = text.AsSpan();
        milliseconds = 0;
        do
        {
            if (!TryTake(ref rest, out var part))
                return false;
            total += part;
        }
        while (rest.Length > 0 && total <= MaxMilliseconds);
        milliseconds = (long)Math.Ceiling(Math.Min(total, MaxMilliseconds));
        return total <= MaxMilliseconds;
    }

    private static bool TryTake(ref ReadOnlySpan<char> rest, out decimal milliseconds)
    {
        milliseconds = 0;
        var digits = rest.IndexOfAnyExcept(s_digits);
        if (digits is < 1 or > 15 || !decimal.TryParse(rest[..digits], NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var number))
            return false;
        foreach (var (unit, factor) in s_units)
        {
            if (!rest[digits..].StartsWith(unit, StringComparison.Ordinal))
                continue;
            milliseconds = number * factor;
            rest = rest[(digits + unit.Length)..];
            return true;
        }
        return false;
    }
}
