using System.Buffers;
using System.Globalization;

namespace Orchestrator.Compose.Values;

/// <summary>"512M", "1gb", "64KiB", "1048576": powers of 1024, as Docker reads them.</summary>
public static class ByteSize
{
    private static readonly SearchValues<char> s_digits = SearchValues.Create("0123456789.");

    public const string Accepted = "a size in bytes such as 512M, 1gb or 1048576";

    public static bool TryParse(string text, out long bytes)
    {
        bytes = 0;
        var digits = text.AsSpan().IndexOfAnyExcept(s_digits);
        var number = digits < 0 ? text : text[..digits];
        if (number.Length is 0 or > 18 || !decimal.TryParse(number, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var amount))
            return false;
        var factor = Factor(text[number.Length..].TrimStart().ToLowerInvariant());
        if (factor == 0 || amount > (decimal)long.MaxValue / factor)
            return false;
        bytes = (long)(amount * factor);
        return true;
    }

    private static long Factor(string unit) => unit switch
    {
        "" or "b" => 1,
        "k" or "kb" or "kib" => 1L << 10,
        "m" or "mb" or "mib" => 1L << 20,
        "g" or "gb" or "gib" => 1L << 30,
        "t" or "tb" or "tib" => 1L << 40,
        _ => 0,
    };
}
