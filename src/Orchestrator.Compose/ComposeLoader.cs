using Orchestrator.Compose.Fields;
using Orchestrator.Compose.Interpolation;
using Orchestrator.Compose.Yaml;

namespace Orchestrator.Compose;

/// <summary>Turns a compose file into the stack that it asks for.</summary>
public static class ComposeLoader
{
    /// <param name="file">The compose file, as its author calls it: given to <paramref name="open"/> and shown in messages.</param>
    /// <param name="directory">Where it lies, as an absolute path: relative paths in it, and its <c>.env</c>, are looked for there.</param>
    /// <param name="open">The only way to files: opens one for reading, or answers null when there is none.</param>
    /// <param name="environment">The process environment; it wins over <c>.env</c>.</param>
    /// <param name="stackName">Wins over COMPOSE_PROJECT_NAME, which wins over <c>name:</c>, which wins over the directory's name.</param>
    public static ComposeResult Load(
        string file, string directory, Func<string, Stream?> open, IReadOnlyDictionary<string, string> environment, string? stackName = null)
    {
        var report = new Report(file);
        var root = ReadTree(file, open, report);
        var variables = ReadDotEnv(directory, open, environment, report);
        string? Known(string name) => environment.GetValueOrDefault(name) ?? variables.GetValueOrDefault(name);
        if (root is null || report.HasErrors)
            return new ComposeResult(null, report.Errors, report.Warnings);
        var name = StackName.Find(root, stackName, directory, Known, report);
        string? Lookup(string variable) => Known(variable) ?? (variable == StackName.Variable ? name : null);
        var draft = new StackDraft(directory, open, Lookup) { Spec = { Name = name } };
        var expanded = new TreeInterpolation(Lookup, report).Expand(root, "");
        // A value that could not be expanded is no value: reading on would blame it a second time.
        if (!report.HasErrors)
            StackReader.Read(new Field("", "", root.At, expanded, report), draft);
        return new ComposeResult(report.HasErrors ? null : draft.Spec, report.Errors, report.Warnings);
    }

    private static YamlMapping? ReadTree(string file, Func<string, Stream?> open, Report report)
    {
        var (text, error) = SourceFile.Read(open, file);
        if (text is null)
        {
            report.Error(default, "", error ?? "there is no such file");
            return null;
        }
        var root = YamlReader.Read(text, report);
        if (root is null or YamlScalar { IsNull: true } && !report.HasErrors)
            report.Error(default, "", "is empty; a compose file has at least services:");
        else if (root is not YamlMapping and not null)
            report.Error(root.At, "", $"got {root.Kind}; a compose file is a mapping with services:");
        return root as YamlMapping;
    }

    private static IReadOnlyDictionary<string, string> ReadDotEnv(
        string directory, Func<string, Stream?> open, IReadOnlyDictionary<string, string> environment, Report report)
    {
        var path = Path.Combine(directory, ".env");
        var own = report with { File = path };
        var (text, error) = SourceFile.Read(open, path);
        if (error is not null)
            own.Error(default, "", error);
        return EnvironmentFile.Read(text ?? "", environment.GetValueOrDefault, own);
    }
}
