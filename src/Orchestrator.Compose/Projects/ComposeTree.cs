using Orchestrator.Compose.Interpolation;
using Orchestrator.Compose.Merging;
using Orchestrator.Compose.Yaml;

namespace Orchestrator.Compose.Projects;

/// <summary>Reads the files of a project, and those that they name, into one document.</summary>
internal sealed class ComposeTree(Func<string, Stream?> open, Report report)
{
    // Files that include each other without going in a ring can still be many.
    private const int FilesMost = 256;

    private readonly TreeMerge _merge = new(report, keepMarks: false);
    private int _files;

    public Func<string, Stream?> Open => open;

    public Report Report => report;

    /// <summary>The files laid over each other, in order; null when none could be read.</summary>
    /// <param name="ring">Files by whose include these came.</param>
    public YamlMapping? Read(IReadOnlyList<string> files, string directory, Func<string, string?> lookup, IReadOnlyList<string> ring) =>
        Merge([.. files.Select(f => ReadFile(f, directory, lookup)).OfType<YamlMapping>()], ring);

    /// <summary>As they were read; variables are expanded here. Null: there is none, or the first is refused.</summary>
    public YamlMapping? Merge(IReadOnlyList<YamlMapping> roots, IReadOnlyList<string> ring)
    {
        YamlMapping? merged = null;
        foreach (var root in roots)
        {
            var whole = new Extends(this).Apply(new Includes(this, ring).Apply(Expand(root)));
            if (whole.Size > YamlReader.MaxNodes)
            {
                report.Error(new Position(0, 0, root.At.Origin), "", $"becomes more than {YamlReader.MaxNodes} values with what it extends and includes");
                return merged;
            }
            merged = (YamlMapping)(merged is null ? TreeMerge.Settle(whole) : _merge.Merge(merged, whole));
        }
        return merged;
    }

    public YamlMapping Expand(YamlMapping root) => (YamlMapping)new TreeInterpolation(root.At.Origin!.Lookup, report).Expand(root, "");

    /// <summary>Null when it could not be read, which is then reported.</summary>
    public YamlMapping? ReadFile(string file, string directory, Func<string, string?> lookup)
    {
        report.Note(file);
        var origin = new Origin(file, directory, lookup);
        var whole = new Position(0, 0, origin);
        var (text, error) = ++_files > FilesMost ? (null, $"is one of more than {FilesMost} files") : SourceFile.Read(open, file);
        if (text is null)
        {
            report.Error(whole, "", error ?? "there is no such file");
            return null;
        }
        var before = report.ErrorCount;
        var root = YamlReader.Read(text, origin, report);
        if (root is null or YamlScalar { IsNull: true } && report.ErrorCount == before)
            report.Error(whole, "", "is empty; a compose file has at least services:");
        else if (root is not YamlMapping and not null)
            report.Error(root.At, "", $"got {root.Kind}; a compose file is a mapping with services:");
        return root as YamlMapping;
    }
}
