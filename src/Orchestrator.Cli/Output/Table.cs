using System.Text;

namespace Orchestrator.Cli.Output;

/// <summary>Columns as wide as their widest cell; the last one is cut to the terminal.</summary>
internal sealed class Table(params string[] headers)
{
    private const string Gap = "  ";

    private readonly List<string[]> _rows = [];

    public void Add(params string[] cells) => _rows.Add([.. cells.Select(Text.OneLine)]);

    /// <param name="width">Of the terminal; 0: do not cut.</param>
    public string Render(int width)
    {
        var widths = headers.Select((h, i) => _rows.Select(r => r[i].Length).Append(h.Length).Max()).ToArray();
        var result = new StringBuilder();
        foreach (var row in _rows.Prepend(headers))
        {
            var line = string.Join(Gap, row.Select((cell, i) => i == row.Length - 1 ? cell : cell.PadRight(widths[i]))).TrimEnd();
            result.Append(width > 0 && line.Length > width ? line[..(width - 1)] + "…" : line).Append('\n');
        }
        return result.ToString();
    }
}
