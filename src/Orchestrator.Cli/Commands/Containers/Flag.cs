using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;
using Orchestrator.Compose.Values;

namespace Orchestrator.Cli.Commands.Containers;

/// <summary>Options by their kinds; what cannot be read is told with what is accepted.</summary>
internal static class Flag
{
    public static Option<bool> Switch(string name, string description, params string[] aliases) => new(name, aliases) { Description = description };

    public static Option<string?> Text(string name, string helpName, string description, params string[] aliases) =>
        new(name, aliases) { Description = description, HelpName = helpName };

    public static Option<string[]> Many(string name, string helpName, string description, params string[] aliases) =>
        new(name, aliases) { Description = description, HelpName = helpName };

    public static Option<long?> Size(string name, string description, params string[] aliases) =>
        Parsed<long?>(name, "BYTES", description, ParseSize, aliases);

    public static Option<long?> Milliseconds(string name, string description) =>
        Parsed<long?>(name, "DURATION", description, text => Duration.TryParse(text, out var value) ? value : throw new FormatException($"expected {Duration.Accepted}"));

    public static Option<long?> Number(string name, string description, params string[] aliases) =>
        Parsed<long?>(name, "N", description, text => long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var value)
            ? value : throw new FormatException("expected a whole number"), aliases);

    /// <param name="read">Throws <see cref="FormatException"/> whose message says what is accepted.</param>
    public static Option<T> Parsed<T>(string name, string helpName, string description, Func<string, T> read, params string[] aliases) => new(name, aliases)
    {
        Description = description,
        HelpName = helpName,
        CustomParser = result => Read(name, result, read),
    };

    private static T Read<T>(string name, ArgumentResult result, Func<string, T> read)
    {
        var text = result.Tokens[^1].Value;
        try
        {
            return read(text);
        }
        catch (FormatException e)
        {
            result.AddError($"{name} {text}: {e.Message}");
            return default!;
        }
    }

    /// <summary>Each of an option that may be repeated.</summary>
    /// <exception cref="RefusedException">One that cannot be read.</exception>
    public static IEnumerable<T> Each<T>(ParseResult parse, Option<string[]> option, Func<string, T> read)
    {
        foreach (var text in parse.GetValue(option) ?? [])
        {
            T value;
            try
            {
                value = read(text);
            }
            catch (FormatException e)
            {
                throw new RefusedException($"{option.Name} {text}: {e.Message}", Cli.ExitCode.Usage);
            }
            yield return value;
        }
    }

    private static long? ParseSize(string text)
    {
        if (text == "-1")
            return -1;
        return ByteSize.TryParse(text, out var bytes) ? bytes : throw new FormatException($"expected {ByteSize.Accepted}");
    }
}
