using System.Text;

namespace Orchestrator.Compose.Values;

/// <summary>Splits a command line as a POSIX shell splits it: quotes and backslashes, no expansion of any kind.</summary>
public static class ShellWords
{
    /// <summary>Null when a quote is not closed or a backslash ends the text.</summary>
    public static IReadOnlyList<string>? Split(string text)
    {
        var words = new List<string>();
        var word = new StringBuilder();
        var inWord = false;
        for (var i = 0; i < text.Length; i++)
        {
            if (char.IsWhiteSpace(text[i]))
            {
                if (inWord)
                    words.Add(word.ToString());
                word.Clear();
                inWord = false;
                continue;
            }
            inWord = true;
            if (!TryAppend(text, ref i, word))
                return null;
        }
        if (inWord)
            words.Add(word.ToString());
        return words;
    }

    private static bool TryAppend(string text, ref int i, StringBuilder word) => text[i] switch
    {
        '\\' => TryAppendEscaped(text, ref i, word),
        '\'' => TryAppendLiteral(text, ref i, word),
        '"' => TryAppendQuoted(text, ref i, word),
        _ => Append(text[i], word),
    };

    private static bool TryAppendEscaped(string text, ref int i, StringBuilder word) =>
        ++i < text.Length && (text[i] == '\n' || Append(text[i], word));

    private static bool TryAppendLiteral(string text, ref int i, StringBuilder word)
    {
        var end = text.IndexOf('\'', i + 1);
        if (end < 0)
            return false;
        word.Append(text, i + 1, end - i - 1);
        i = end;
        return true;
    }

    private static bool TryAppendQuoted(string text, ref int i, StringBuilder word)
    {
        for (i++; i < text.Length; i++)
        {
            if (text[i] == '"')
                return true;
            if (text[i] == '\\' && i + 1 < text.Length && text[i + 1] is '"' or '\\' or '$' or '`' or '\n')
                i++;
            if (text[i] != '\n' || text[i - 1] != '\\')
                word.Append(text[i]);
        }
        return false;
    }

    private static bool Append(char c, StringBuilder word)
    {
        word.Append(c);
        return true;
    }
}
