namespace Orchestrator.Cli.Waiting;

/// <summary>A line a service: written over in place on a terminal, otherwise one more line whenever it changed. Silent when JSON is asked for.</summary>
internal sealed class ProgressView(Session session)
{
    private readonly Dictionary<string, string> _shown = [];
    private int _lines;

    public void Show(IReadOnlyList<ServiceProgress> services)
    {
        if (session.Json)
            return;
        var width = services.Select(s => s.Name.Length).DefaultIfEmpty().Max();
        if (session.Streams.Terminal)
            Redraw([.. services.Select(s => $"  {Sign(s.Outcome)} {s.Name.PadRight(width)}  {s.Describe(withDetail: true)}")]);
        else
            Append(services);
    }

    private void Redraw(IReadOnlyList<string> lines)
    {
        if (lines.SequenceEqual(_shown.Values))
            return;
        _shown.Clear();
        foreach (var line in lines)
            _shown[line] = line;
        var up = _lines > 0 ? $"\u001b[{_lines}F" : "";
        var width = session.Streams.Width() is > 20 and var columns ? columns : 80;
        session.Out.Write($"\u001b[?25l{up}\u001b[0J{string.Concat(lines.Select(l => (l.Length >= width ? l[..(width - 2)] + "…" : l) + "\n"))}\u001b[?25h");
        _lines = lines.Count;
    }

    private void Append(IReadOnlyList<ServiceProgress> services)
    {
        foreach (var service in services)
        {
            var line = $"{service.Name}: {service.Describe(withDetail: true)}";
            if (_shown.GetValueOrDefault(service.Name) == line)
                continue;
            _shown[service.Name] = line;
            session.Out.WriteLine(line);
        }
    }

    private static string Sign(Outcome outcome) => outcome switch
    {
        Outcome.Up => "✔",
        Outcome.Failed => "✘",
        _ => "…",
    };
}
