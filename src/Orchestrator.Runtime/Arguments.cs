namespace Orchestrator.Runtime;

/// <summary>A command line, taken apart: options with and without a value, operands, and the rest, which belongs to another program.</summary>
public sealed class Arguments
{
    private readonly List<(string Name, string? Value)> _options = [];
    private readonly List<string> _operands = [];

    public IReadOnlyList<string> Operands => _operands;

    public IReadOnlyList<string> Rest { get; private set; } = [];

    /// <param name="operandsMax">What comes behind so many operands is the rest, options included.</param>
    public static Arguments Parse(IReadOnlyList<string> args, string[] flags, string[] values, int operandsMax)
    {
        var parsed = new Arguments();
        for (var i = 0; i < args.Count; i++)
        {
            var arg = args[i];
            if (parsed._operands.Count == operandsMax && (operandsMax > 0 || !arg.StartsWith('-')))
            {
                parsed.Rest = [.. args.Skip(i)];
                return parsed;
            }
            if (arg is "--" or "-" || !arg.StartsWith('-'))
            {
                if (arg != "--")
                    parsed._operands.Add(arg);
                continue;
            }
            var name = arg.Split('=', 2)[0];
            if (flags.Contains(name))
            {
                if (name == arg || Truth(name, arg[(name.Length + 1)..]))
                    parsed._options.Add((name, null));
            }
            else if (!values.Contains(name))
                throw new UsageException($"\"{arg}\" is no option here; accepted: {string.Join(", ", flags.Concat(values))}");
            else if (name != arg)
                parsed._options.Add((name, arg[(name.Length + 1)..]));
            else if (i + 1 < args.Count)
                parsed._options.Add((name, args[++i]));
            else
                throw new UsageException($"{name} needs a value");
        }
        return parsed;
    }

    private static bool Truth(string name, string text) => text.ToLowerInvariant() switch
    {
        "true" or "t" or "1" => true,
        "false" or "f" or "0" => false,
        _ => throw new UsageException($"{name}: \"{text}\" is no truth value; accepted: true, false"),
    };

    public bool Has(params ReadOnlySpan<string> names)
    {
        foreach (var (name, _) in _options)
        {
            if (names.Contains(name))
                return true;
        }
        return false;
    }

    public string? Value(params ReadOnlySpan<string> names)
    {
        string? value = null;
        foreach (var option in _options)
        {
            if (names.Contains(option.Name))
                value = option.Value;
        }
        return value;
    }

    public IEnumerable<string> Values(string name, string shortName = "") =>
        _options.Where(o => o.Name == name || o.Name == shortName).Select(o => o.Value!);

    public long Number(string name, long otherwise) =>
        Value(name) is not { } text ? otherwise
        : long.TryParse(text, out var number) && number > 0 ? number
        : throw new UsageException($"{name}: \"{text}\" is not a positive number");

    /// <summary>The operand at an index.</summary>
    public string Operand(int index, string what) =>
        index < _operands.Count ? _operands[index] : throw new UsageException($"{what} is missing");
}
