namespace Orchestrator.Compose.Fields;

internal static class Spelling
{
    /// <summary>The word that was probably meant: at most two edits away, and fewer than half its letters.</summary>
    public static string? Nearest(string written, IEnumerable<string> words)
    {
        if (written.Length > 40)
            return null;
        var best = words.Select(w => (Word: w, Edits: Distance(written, w))).MinBy(c => c.Edits);
        return best.Word is not null && best.Edits <= 2 && best.Edits * 2 < best.Word.Length ? best.Word : null;
    }

    private static int Distance(string a, string b)
    {
        var row = Enumerable.Range(0, b.Length + 1).ToArray();
        for (var i = 1; i <= a.Length; i++)
        {
            var diagonal = row[0];
            row[0] = i;
            for (var j = 1; j <= b.Length; j++)
            {
                var replaced = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
                diagonal = row[j];
                row[j] = Math.Min(replaced, Math.Min(row[j], row[j - 1]) + 1);
            }
        }
        return row[b.Length];
    }
}
