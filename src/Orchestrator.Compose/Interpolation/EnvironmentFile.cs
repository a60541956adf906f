using System.Buffers;
using System.Text;
using Orchestrator.Compose.Yaml;

namespace Orchestrator.Compose.Interpolation;

/// <summary>
/// Reads <c>.env</c> and <c>env_file</c>: a variable a line, <c>NAME=value</c>. '...' is literal, "..." knows escapes, both may span lines;
/// # begins a comment at the start of a line or after a space; variables are expanded except in '...'. A name alone takes the value that the
/// environment has. The raw form takes everything after = as it is.
/// </summary>
internal sealed class EnvironmentFile
{
    private static readonly SearchValues<char> s_notInNames = SearchValues.Create(" \t\"'$\0");

    private readonly string _text;
    private readonly Func<string, string?> _lookup;
    private readonly Report _report;
    private readonly Dictionary<string, string> _values = new(StringComparer.Ordinal);
    private int _at;
    private int _line = 1;

    private EnvironmentFile(string text, Func<string, string?> lookup, Report report)
    {
        _text = text.ReplaceLineEndings("\n");
        _lookup = lookup;
        _report = report;
    }

    public static IReadOnlyDictionary<string, string> Read(string text, Func<string, string?> lookup, Report report, bool raw = false)
    {
        var file = new EnvironmentFile(text, lookup, report);
        while (file._at < file._text.Length)
            file.ReadEntry(raw);
        return file._values;
    }

    private Position Here => new(_line, 1);

    private void ReadEntry(bool raw)
    {
        SkipBlanks();
        if (_at >= _text.Length || _text[_at] is '\n' or '#')
        {
            ReadLine();
            return;
        }
        var name = ReadName();
        if (name is null)
            return;
        var separated = _at < _text.Length && _text[_at] is '=' or ':';
        if (!separated)
            TakeFromEnvironment(name);
        else if (raw)
            Set(name, ReadLine()[1..]);
        else
            ReadValue(name);
    }

    private string? ReadName()
    {
        if (string.CompareOrdinal(_text, _at, "export ", 0, 7) == 0)
            _at += 7;
        SkipBlanks();
        var start = _at;
        while (_at < _text.Length && _text[_at] is not ('=' or ':' or '\n' or '#'))
            _at++;
        var name = _text[start.._at].TrimEnd();
        if (name.Length > 0 && !name.AsSpan().ContainsAny(s_notInNames))
            return name;
        _report.Error(Here, "", $"got \"{Shorten(name)}\"; a line is NAME=value, or # and a comment");
        ReadLine();
        return null;
    }

    private void TakeFromEnvironment(string name)
    {
        ReadLine();
        if (_lookup(name) is { } value)
            Set(name, value);
    }

    private void ReadValue(string name)
    {
        _at++;
        SkipBlanks();
        var at = Here;
        if (_at < _text.Length && _text[_at] is '\'' or '"')
            ReadQuoted(name, at, _text[_at]);
        else
            SetExpanded(name, at, WithoutComment(ReadLine()));
    }

    private void ReadQuoted(string name, Position at, char quote)
    {
        var end = EndOfQuote(quote);
        if (end < 0)
        {
            _report.Error(at, "", $"the value of {name} begins with {quote} and never ends; write {quote} at its end");
            _at = _text.Length;
            return;
        }
        var inner = _text[(_at + 1)..end];
        _line += inner.Count(c => c == '\n');
        _at = end + 1;
        var rest = ReadLine().Trim();
        if (rest.Length > 0 && rest[0] != '#')
            _report.Error(at, "", $"got \"{Shorten(rest)}\" after the quoted value of {name}; nothing but a comment may follow");
        else if (quote == '\'')
            Set(name, inner.Replace("\\'", "'", StringComparison.Ordinal));
        else
            SetExpanded(name, at, Unescape(inner));
    }

    private int EndOfQuote(char quote)
    {
        for (var i = _at + 1; i < _text.Length; i++)
        {
            if (_text[i] == '\\')
                i++;
            else if (_text[i] == quote)
                return i;
        }
        return -1;
    }

    private void SetExpanded(string name, Position at, string value)
    {
        var expansion = Template.Expand(value, v => _lookup(v) ?? _values.GetValueOrDefault(v));
        if (expansion.Error is { } error)
            _report.Error(at, name, error);
        foreach (var unset in expansion.Unset)
            _report.Warn(at, name, $"the variable {unset} is not set and counts as empty");
        Set(name, expansion.Value);
    }

    private void Set(string name, string value)
    {
        if (value.Contains('\0', StringComparison.Ordinal))
            _report.Error(Here, name, "holds a NUL character, which no process can be given");
        _values[name] = value;
    }

    private string ReadLine()
    {
        var end = _text.IndexOf('\n', Math.Min(_at, _text.Length));
        var line = end < 0 ? _text[Math.Min(_at, _text.Length)..] : _text[_at..end];
        _at = end < 0 ? _text.Length : end + 1;
        _line++;
        return line;
    }

    private void SkipBlanks()
    {
        while (_at < _text.Length && _text[_at] is ' ' or '\t')
            _at++;
    }

    private static string WithoutComment(string value)
    {
        for (var i = 0; i < value.Length; i++)
            if (value[i] == '#' && (i == 0 || value[i - 1] is ' ' or '\t'))
                return value[..i].TrimEnd();
        return value.TrimEnd();
    }

    private static string Unescape(string text)
    {
        var result = new StringBuilder(text.Length);
        for (var i = 0; i < text.Length; i++)
        {
            if (text[i] != '\\' || i + 1 == text.Length)
                result.Append(text[i]);
            else
                result.Append(Unescape(text[++i]));
        }
        return result.ToString();
    }

    private static string Unescape(char escaped) => escaped switch
    {
        'n' => "\n",
        'r' => "\r",
        't' => "\t",
        '"' => "\"",
        '\\' => "\\",
        '$' => "$$",
        _ => $"\\{escaped}",
    };

    private static string Shorten(string text) => text.Length <= 40 ? text : text[..40] + "...";
}
