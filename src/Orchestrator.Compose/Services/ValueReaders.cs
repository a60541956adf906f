using System.Globalization;
using Orchestrator.Compose.Fields;
using Orchestrator.Compose.Values;

namespace Orchestrator.Compose.Services;

/// <summary>Values with units; each answers null after it has reported what would be accepted.</summary>
internal static class ValueReaders
{
    private const decimal MaxCpus = 100_000;

    /// <summary>In milliseconds.</summary>
    public static long? Duration(Field field)
    {
        if (field.Written(Values.Duration.Accepted) is not { } text)
            return null;
        if (Values.Duration.TryParse(text, out var milliseconds))
            return milliseconds;
        field.Expected(Values.Duration.Accepted);
        return null;
    }

    public static long? Bytes(Field field)
    {
        if (field.Written(ByteSize.Accepted) is not { } text)
            return null;
        if (ByteSize.TryParse(text, out var bytes) && bytes > 0)
            return bytes;
        field.Expected(ByteSize.Accepted);
        return null;
    }

    /// <summary>In billionths of a core.</summary>
    public static long? NanoCpus(Field field)
    {
        const string accepted = "a number of cores above 0, such as 0.5 or 2";
        if (field.Written(accepted) is not { } text)
            return null;
        if (text.Length <= 20 && decimal.TryParse(text, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var cpus)
            && cpus <= MaxCpus && cpus * 1_000_000_000 >= 1)
            return (long)(cpus * 1_000_000_000);
        field.Expected(accepted);
        return null;
    }
}
