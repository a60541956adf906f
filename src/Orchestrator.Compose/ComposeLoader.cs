using Orchestrator.Compose.Fields;
using Orchestrator.Compose.Interpolation;
using Orchestrator.Compose.Projects;
using Orchestrator.Compose.Yaml;

namespace Orchestrator.Compose;

/// <summary>Turns compose files into the stack that they ask for.</summary>
public static class ComposeLoader
{
    /// <summary>One file, without profiles. The parameters are those of <see cref="ComposeRequest"/>.</summary>
    public static ComposeResult Load(
        string file, string directory, Func<string, Stream?> open, IReadOnlyDictionary<string, string> environment, string? stackName = null) =>
        Load(new ComposeRequest(directory, open, environment) { Files = [file], StackName = stackName });

    public static ComposeResult Load(ComposeRequest request)
    {
        var report = new Report(Path.Combine(request.Directory, UsualFiles.First));
        var variables = ReadEnvFiles(request, report);
        string? Known(string name) => request.Environment.GetValueOrDefault(name) ?? variables.GetValueOrDefault(name);
        var files = request.Files.Count > 0 ? request.Files : UsualFiles.Find(request, Known);
        if (request.Files.Count == 0)
            request = request with { Directory = ComposeRequest.DirectoryOf(files, request.Directory) };
        if (files.Count == 0)
            report.Error(default, "", "there is no such file; name a compose file");
        else
            report = report with { File = files[0] };
        var name = "";
        string? Lookup(string variable) => Known(variable) ?? (variable == StackName.Variable ? name : null);
        var tree = new ComposeTree(request.Open, report);
        var roots = files.Select(f => tree.ReadFile(f, request.Directory, Lookup)).OfType<YamlMapping>().ToList();
        if (report.HasErrors)
            return new ComposeResult(null, report.Errors, report.Warnings);
        name = StackName.Find(roots, request.StackName, request.Directory, Known, report);
        return tree.Merge(roots, []) is { } merged ? Read(merged, request, name, Lookup, report) : new ComposeResult(null, report.Errors, report.Warnings);
    }

    private static ComposeResult Read(YamlMapping merged, ComposeRequest request, string name, Func<string, string?> lookup, Report report)
    {
        var draft = new StackDraft(request.Open) { Spec = { Name = name } };
        var asked = request.Profiles.Concat((lookup(Profiles.Variable) ?? "").Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)).ToHashSet();
        // A value that could not be expanded is no value: reading on would blame it a second time.
        var readable = !report.HasErrors;
        var root = readable ? Profiles.Apply(merged, asked, draft.Inactive, report) : merged;
        if (readable)
            StackReader.Read(new Field("", "", root.At, root, report), draft);
        return report.HasErrors ? new ComposeResult(null, report.Errors, report.Warnings)
            : new ComposeResult(draft.Spec, [], report.Warnings) { Document = new ComposeDocument(draft.Spec, root, [.. Profiles.Names(merged)]) };
    }

    private static Dictionary<string, string> ReadEnvFiles(ComposeRequest request, Report report)
    {
        var variables = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var path in request.EnvFiles.Count > 0 ? request.EnvFiles : [Path.Combine(request.Directory, ".env")])
        {
            var own = report with { File = path };
            var (text, error) = SourceFile.Read(request.Open, path);
            if (error is not null || (text is null && request.EnvFiles.Count > 0))
                own.Error(default, "", error ?? "there is no such file");
            foreach (var (name, value) in EnvironmentFile.Read(text ?? "", v => request.Environment.GetValueOrDefault(v) ?? variables.GetValueOrDefault(v), own))
                variables[name] = value;
        }
        return variables;
    }
}
