using System.Text;
using Orchestrator.Compose;
using Orchestrator.Compose.Projects;
using Orchestrator.Compose.Yaml;
using Xunit;

namespace Orchestrator.Tests.Compose;

/// <summary>Files of a project in /srv/shop, by their path there or as a whole. Those of the top that end in .yaml are loaded, in order.</summary>
internal sealed class ComposeFiles
{
    private readonly Dictionary<string, string> _texts = new(StringComparer.Ordinal);
    private readonly List<string> _loaded = [];

    public static ComposeFiles Of(params IEnumerable<(string Path, string Text)> files)
    {
        var all = new ComposeFiles();
        foreach (var (path, text) in files)
        {
            all._texts.Add(Path.Combine("/srv/shop", path), text);
            if (path.EndsWith(".yaml", StringComparison.Ordinal) && !path.Contains('/', StringComparison.Ordinal))
                all._loaded.Add(path);
        }
        return all;
    }

    public ComposeResult Load(Func<ComposeRequest, ComposeRequest>? with = null)
    {
        var request = new ComposeRequest("/srv/shop", Open, new Dictionary<string, string>()) { Files = _loaded };
        return ComposeLoader.Load(with?.Invoke(request) ?? request);
    }

    /// <summary>As one file, which reads as the same stack.</summary>
    public string Resolved(Func<ComposeRequest, ComposeRequest>? with = null)
    {
        var result = Load(with);
        Assert.Empty(result.Errors);
        var text = result.Document!.ToYaml();
        var again = Of([.. _texts.Select(t => (t.Key, t.Value)).Where(t => !_loaded.Contains(Path.GetFileName(t.Key))), ("one.yaml", text)]).Load();
        Assert.Empty(again.Errors);
        Assert.Equal(result.Spec, again.Spec);
        return text;
    }

    public void Become(string expected) => Assert.Equal(expected.ReplaceLineEndings("\n"), Resolved());

    /// <summary>Without being read as a stack.</summary>
    public string Merged()
    {
        var report = new Report("");
        var merged = new ComposeTree(Open, report).Read(_loaded, "/srv/shop", _ => null, []);
        Assert.Empty(report.Errors);
        return YamlWriter.Write(merged!);
    }

    private MemoryStream? Open(string path) =>
        _texts.TryGetValue(Path.Combine("/srv/shop", path), out var text) ? new MemoryStream(Encoding.UTF8.GetBytes(text)) : null;
}
