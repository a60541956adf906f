using System.Text;

namespace Orchestrator.Compose.Interpolation;

/// <summary>What a text became. <see cref="Error"/> is null when all is well; unset variables have become empty.</summary>
internal sealed record Expansion(string Value, string? Error, IReadOnlyList<string> Unset);

/// <summary>
/// Replaces <c>$V ${V} ${V:-d} ${V-d} ${V:?e} ${V?e} ${V:+r} ${V+r}</c> (d, e and r may hold variables again) and <c>$$</c>.
/// A dollar sign before anything else stays as it is. Values are not expanded a second time.
/// </summary>
internal sealed class Template
{
    private const int MaxNesting = 16;

    private readonly string _text;
    private readonly Func<string, string?> _lookup;
    private readonly List<string> _unset = [];
    private int _at;
    private string? _error;

    private Template(string text, Func<string, string?> lookup)
    {
        _text = text;
        _lookup = lookup;
    }

    public static Expansion Expand(string text, Func<string, string?> lookup)
    {
        if (!text.Contains('$', StringComparison.Ordinal))
            return new Expansion(text, null, []);
        var template = new Template(text, lookup);
        var value = template.ReadText(nesting: 0, live: true);
        return new Expansion(value, template._error, template._unset);
    }

    public static bool IsName(string text) => text.Length > 0 && NameLength(text, 0) == text.Length;

    // `live` is false in a branch that is not taken: there, nothing is missing.
    private string ReadText(int nesting, bool live)
    {
        var result = new StringBuilder();
        while (_error is null && _at < _text.Length && !(nesting > 0 && _text[_at] == '}'))
        {
            if (_text[_at] == '$')
                result.Append(ReadDollar(nesting, live));
            else
                result.Append(_text[_at++]);
        }
        return result.ToString();
    }

    private string ReadDollar(int nesting, bool live)
    {
        var start = _at++;
        if (Take("$"))
            return "$";
        if (Take("{"))
            return ReadBraced(start, nesting, live);
        return ReadName() is { } name ? ValueOf(name, live) : "$";
    }

    private string ReadBraced(int start, int nesting, bool live)
    {
        if (nesting == MaxNesting)
            return Fail($"variables are nested deeper than {MaxNesting} levels");
        if (ReadName() is not { } name)
            return Fail($"\"{Excerpt(start)}\" is not a variable; write ${{NAME}}, or $$ for a dollar sign");
        var value = ReadModifier(start, name, nesting, live);
        if (_error is null && !Take("}"))
            return Fail($"\"{Excerpt(start)}\" is not closed; write }} after it, or $$ for a dollar sign");
        return value;
    }

    private string ReadModifier(int start, string name, int nesting, bool live)
    {
        if (_at >= _text.Length || _text[_at] == '}')
            return ValueOf(name, live);
        var emptyCounts = Take(":");
        var sign = _at < _text.Length ? _text[_at++] : '\0';
        var value = _lookup(name);
        var isSet = emptyCounts ? !string.IsNullOrEmpty(value) : value is not null;
        switch (sign)
        {
            case '-':
                var fallback = ReadText(nesting + 1, live && !isSet);
                return isSet ? value! : fallback;
            case '+':
                var replacement = ReadText(nesting + 1, live && isSet);
                return isSet ? replacement : "";
            case '?':
                var message = ReadText(nesting + 1, live && !isSet);
                return isSet || !live ? value ?? "" : Fail(Missing(name, emptyCounts && value is not null, message));
            default:
                return Fail($"\"{Excerpt(start)}\" is not a form of variable that is known; there are ${{V}}, ${{V:-default}}, ${{V:?error}} and ${{V:+replacement}}, each also without the colon");
        }
    }

    private static string Missing(string name, bool empty, string message) =>
        $"the variable {name} is required but {(empty ? "empty" : "not set")}{(message.Length == 0 ? "" : $": {message}")}";

    private string ValueOf(string name, bool live)
    {
        var value = _lookup(name);
        if (value is null && live)
            _unset.Add(name);
        return value ?? "";
    }

    private string? ReadName()
    {
        var length = NameLength(_text, _at);
        _at += length;
        return length == 0 ? null : _text.Substring(_at - length, length);
    }

    private static int NameLength(string text, int from)
    {
        var to = from;
        while (to < text.Length && (char.IsAsciiLetter(text[to]) || text[to] == '_' || (to > from && char.IsAsciiDigit(text[to]))))
            to++;
        return to - from;
    }

    private bool Take(string expected)
    {
        var taken = string.CompareOrdinal(_text, _at, expected, 0, expected.Length) == 0;
        _at += taken ? expected.Length : 0;
        return taken;
    }

    private string Fail(string error)
    {
        _error ??= error;
        return "";
    }

    private string Excerpt(int start)
    {
        var end = _text.IndexOf('}', start);
        var excerpt = end < 0 ? _text[start..] : _text[start..(end + 1)];
        return excerpt.Length <= 40 ? excerpt : excerpt[..40] + "...";
    }
}
