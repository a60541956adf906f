using System.CommandLine;

namespace Orchestrator.Cli.Commands;

internal static class OptionParsing
{
    /// <summary>An option that takes "30s", "1m30s", "500ms".</summary>
    public static Option<TimeSpan> Duration(string name, TimeSpan fallback, string description) => new(name)
    {
        Description = description,
        HelpName = "DURATION",
        DefaultValueFactory = _ => fallback,
        CustomParser = result =>
        {
            if (Compose.Values.Duration.TryParse(result.Tokens[^1].Value, out var milliseconds))
                return TimeSpan.FromMilliseconds(milliseconds);
            result.AddError($"{name}: got \"{result.Tokens[^1].Value}\"; expected {Compose.Values.Duration.Accepted}");
            return fallback;
        },
    };
}
