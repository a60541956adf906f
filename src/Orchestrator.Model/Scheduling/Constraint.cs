using System.Buffers;
using System.Collections.Concurrent;
using System.Globalization;
using System.Text.RegularExpressions;

namespace Orchestrator.Model.Scheduling;

/// <summary>A hard rule on the node: <c>node.labels.disk==ssd</c>. Values compare without regard to case; a missing label is empty.</summary>
public sealed class Constraint
{
    public const string Accepted = NodeField.Accepted + "; then ==, !=, in, not-in, >, < or =~; then a value: for in and not-in several with commas, "
        + "for > and < a number, for =~ a regular expression of up to 200 characters without {n}, backreferences and lookarounds";

    // Longer ones first where one begins with another.
    private static readonly string[] s_operators = ["==", "!=", "=~", "not-in", "in", ">", "<"];

    private static readonly SearchValues<char> s_endOfField = SearchValues.Create(" \t=!<>~");

    // Constraints are looked at whenever a replica changes: parsing and compiling them each time would be most of the work.
    private const int RememberedMax = 10_000, ExpressionLengthMax = 200;
    private static readonly ConcurrentDictionary<string, Constraint?> s_parsed = new(StringComparer.Ordinal);

    private readonly string _operator, _value;
    private readonly Func<string, bool> _allows;

    private Constraint(string field, string @operator, string value, Func<string, bool> allows) =>
        (Field, _operator, _value, _allows) = (field, @operator, value, allows);

    public string Field { get; }

    /// <summary>Null when the text is not a constraint: see <see cref="Accepted"/>.</summary>
    public static Constraint? Parse(string text)
    {
        if (s_parsed.TryGetValue(text, out var known))
            return known;
        if (s_parsed.Count >= RememberedMax)
            s_parsed.Clear();
        return s_parsed[text] = Read(text);
    }

    public bool Allows(Node node, Cluster? cluster) => _allows(NodeField.Of(node, Field, cluster));

    public override string ToString() => char.IsLetter(_operator[0]) ? $"{Field} {_operator} {_value}" : $"{Field}{_operator}{_value}";

    private static Constraint? Read(string text)
    {
        var end = text.AsSpan().Trim().IndexOfAny(s_endOfField);
        if (end < 0)
            return null;
        var field = text.Trim()[..end];
        var rest = text.Trim()[end..].TrimStart();
        var found = Array.Find(s_operators, o => rest.StartsWith(o, StringComparison.Ordinal));
        var value = rest[(found?.Length ?? 0)..];
        if (found is null || !NodeField.IsKnown(field) || (char.IsLetter(found[0]) && value.Length > 0 && !char.IsWhiteSpace(value[0]) && value[0] != '('))
            return null;
        value = value.Trim();
        return value.Length > 0 && Rule(field, found, value) is { } allows ? new(field, found, value, allows) : null;
    }

    private static Func<string, bool>? Rule(string field, string @operator, string value) => @operator switch
    {
        "==" => Equal(field, value),
        "!=" => Equal(field, value) is { } equal ? actual => !equal(actual) : null,
        "in" => OneOf(field, value),
        "not-in" => OneOf(field, value) is { } oneOf ? actual => !oneOf(actual) : null,
        ">" => Number(value) is { } least ? actual => Number(actual) > least : null,
        "<" => Number(value) is { } most ? actual => Number(actual) < most : null,
        _ => Matches(value),
    };

    private static Func<string, bool>? Equal(string field, string value)
    {
        if (field == NodeField.Ip && value.Contains('/', StringComparison.Ordinal))
            return AddressBlock.Parse(value) is { } block ? block.Contains : null;
        var wanted = Wanted(field, value);
        return actual => string.Equals(actual, wanted, StringComparison.OrdinalIgnoreCase);
    }

    private static Func<string, bool>? OneOf(string field, string list)
    {
        var inner = list is ['(', .., ')'] ? list[1..^1] : list;
        var rules = inner.Split(',', StringSplitOptions.TrimEntries).Select(v => v.Length > 0 ? Equal(field, v) : null).ToList();
        return rules.Contains(null) ? null : actual => rules.Exists(rule => rule!(actual));
    }

    private static decimal? Number(string text) =>
        decimal.TryParse(text, NumberStyles.AllowLeadingSign | NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var number) ? number : null;

    // Without backtracking a match takes time in proportion to the text, and without {n} the machine to that of the expression.
    private static Func<string, bool>? Matches(string expression)
    {
        if (expression.Length > ExpressionLengthMax || expression.Contains('{', StringComparison.Ordinal))
            return null;
        try
        {
            var regex = new Regex(expression, RegexOptions.NonBacktracking | RegexOptions.IgnoreCase | RegexOptions.CultureInvariant);
            return regex.IsMatch;
        }
        catch (Exception e) when (e is ArgumentException or NotSupportedException)
        {
            return null;
        }
    }

    // Compose files written for Swarm say manager and worker.
    private static string Wanted(string field, string value) => (field, value.ToUpperInvariant()) switch
    {
        (NodeField.Role, "MANAGER") => "server",
        (NodeField.Role, "WORKER") => "agent",
        (NodeField.Architecture, _) => Platform.Architecture(value),
        _ => value,
    };
}
