using System.Globalization;

namespace Orchestrator.Agent.Local;

/// <summary>"name=web", "label=a=b", "status=exited": several of one name are either-or, of different names all must hold.</summary>
internal sealed class LocalFilters
{
    private readonly ILookup<string, string> _filters;

    /// <exception cref="LocalRefusal">One that is not among the accepted.</exception>
    public LocalFilters(IEnumerable<string> filters, params string[] accepted)
    {
        _filters = filters.Select(f => f.Split('=', 2)).ToLookup(f => f[0], f => f.ElementAtOrDefault(1) ?? throw LocalRefusal.Invalid($"filter \"{f[0]}\": expected {f[0]}=VALUE"));
        if (_filters.FirstOrDefault(f => !accepted.Contains(f.Key.TrimEnd('!'))) is { } unknown)
            throw LocalRefusal.Invalid($"filter \"{unknown.Key}\" is unknown; accepted: {string.Join(", ", accepted)}");
    }

    public bool Has(string name) => _filters.Contains(name);

    /// <summary>True when the filter is not there.</summary>
    public bool Any(string name, Func<string, bool> holds) => !_filters.Contains(name) || _filters[name].Any(holds);

    /// <summary>"label=a", "label=a=b", "label!=a": all must hold.</summary>
    public bool Labels(IDictionary<string, string> labels) =>
        _filters["label"].All(f => HasLabel(labels, f)) && _filters["label!"].All(f => !HasLabel(labels, f));

    /// <summary>"until=24h" or a time: made before that.</summary>
    public bool Until(long madeMs) => Any("until", text => madeMs < LocalTimes.ParseMs(text));

    private static bool HasLabel(IDictionary<string, string> labels, string filter)
    {
        var parts = filter.Split('=', 2);
        return labels.TryGetValue(parts[0], out var value) && (parts.Length == 1 || parts[1] == value);
    }
}

internal static class LocalTimes
{
    /// <summary>A duration counts back from now; else a time or Unix seconds.</summary>
    public static long ParseMs(string text)
    {
        if (double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var seconds))
            return (long)(seconds * 1000);
        if (Duration(text) is { } ago)
            return DateTimeOffset.UtcNow.ToUnixTimeMilliseconds() - (long)ago.TotalMilliseconds;
        return DateTimeOffset.TryParse(text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var time) ? time.ToUnixTimeMilliseconds()
            : throw LocalRefusal.Invalid($"time \"{text}\": expected a duration such as 24h, or a time such as 2026-01-31T12:00:00Z");
    }

    private static TimeSpan? Duration(string text)
    {
        var total = TimeSpan.Zero;
        var number = "";
        foreach (var c in text)
        {
            if (char.IsAsciiDigit(c) || c == '.')
            {
                number += c;
                continue;
            }
            if (!double.TryParse(number, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var value) || Unit(c) is not { } unit)
                return null;
            (total, number) = (total + unit * value, "");
        }
        return text.Length > 0 && number.Length == 0 ? total : null;
    }

    private static TimeSpan? Unit(char unit) => unit switch
    {
        'd' => TimeSpan.FromDays(1),
        'h' => TimeSpan.FromHours(1),
        'm' => TimeSpan.FromMinutes(1),
        's' => TimeSpan.FromSeconds(1),
        _ => null,
    };
}
