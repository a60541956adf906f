using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;

namespace Orchestrator.Daemon;

/// <summary>"500ms", "3s", "2m".</summary>
internal static class Duration
{
    public static Option<TimeSpan> Option(string name, TimeSpan otherwise, string description) => new(name)
    {
        Description = $"{description} (default {otherwise.TotalSeconds:0.#}s)",
        HelpName = "DURATION",
        CustomParser = Parse,
        DefaultValueFactory = _ => otherwise,
    };

    private static TimeSpan Parse(ArgumentResult result)
    {
        var text = result.Tokens.Single().Value;
        if (TryParse(text) is { } duration && duration > TimeSpan.Zero)
            return duration;
        result.AddError($"{result.Argument.Name}: '{text}' is no duration; expected a number with ms, s or m, such as 500ms or 3s");
        return default;
    }

    private static TimeSpan? TryParse(string text)
    {
        var digits = text.TrimEnd('m', 's');
        if (!double.TryParse(digits, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var number))
            return null;
        return text[digits.Length..] switch
        {
            "ms" => TimeSpan.FromMilliseconds(number),
            "s" => TimeSpan.FromSeconds(number),
            "m" => TimeSpan.FromMinutes(number),
            _ => null,
        };
    }
}
