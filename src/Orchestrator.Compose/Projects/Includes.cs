using Orchestrator.Compose.Fields;
using Orchestrator.Compose.Interpolation;
using Orchestrator.Compose.Merging;
using Orchestrator.Compose.Yaml;

namespace Orchestrator.Compose.Projects;

/// <summary>
/// Other projects whose services, networks, volumes, secrets and configs become part of this one. Each keeps its own directory for relative
/// paths and its own <c>.env</c>, over which the variables of this project win.
/// </summary>
/// <param name="ring">Files by whose include this one came.</param>
internal sealed class Includes(ComposeTree tree, IReadOnlyList<string> ring)
{
    private static readonly string[] s_sections = ["services", "networks", "volumes", "secrets", "configs"];

    private static readonly Keys<Project> s_keys = new("an include")
    {
        { "path", (f, p) => p.Files.AddRange(f.OneOrMany().Select(i => i.PathOf(i.Text("a path") ?? ""))) },
        { "project_directory", (f, p) => p.Directory = f.PathOf(f.Text("a directory") ?? "") },
        { "env_file", (f, p) => p.EnvFiles = [.. f.OneOrMany().Select(i => i.PathOf(i.Text("a path") ?? ""))] },
    };

    private readonly TreeMerge _merge = new(tree.Report, keepMarks: true);

    public YamlMapping Apply(YamlMapping root)
    {
        var include = root.Entries.FirstOrDefault(e => e.Key == "include");
        if (include.Key is null)
            return root;
        var rest = new YamlMapping(root.At, [.. root.Entries.Where(e => e.Key != "include")]) { Mark = root.Mark };
        var field = new Field("include", "include", include.At, include.Value, tree.Report);
        foreach (var item in field.IsNull ? [] : field.Items("a list of compose files"))
            if (Read(item, root.At.Origin!) is { } included)
                rest = Take(included, rest);
        return rest;
    }

    private YamlMapping? Read(Field item, Origin from)
    {
        var project = new Project();
        if (item.IsMapping)
            s_keys.Read(item, project);
        else if (item.Text("a path, or a mapping with path") is { } path)
            project.Files.Add(item.PathOf(path));
        if (project.Files.Count == 0)
        {
            if (item.IsMapping)
                item.Refuse("names no file; write path: and a compose file");
            return null;
        }
        var files = project.Files.Select(f => Path.GetFullPath(f)).ToList();
        var way = ring.Append(PathOf(from)).ToList();
        if (files.Find(way.Contains) is { } again)
        {
            item.Refuse($"include goes round in a ring: {string.Join(" -> ", way.SkipWhile(w => w != again).Append(again))}; take one of them out");
            return null;
        }
        var directory = Path.GetFullPath(project.Directory ?? Path.GetDirectoryName(files[0]) ?? "/");
        return tree.Read(files, directory, Variables(item, project, directory), way);
    }

    private Func<string, string?> Variables(Field item, Project project, string directory)
    {
        var outer = item.Lookup;
        var own = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var file in project.EnvFiles ?? [Path.Combine(directory, ".env")])
        {
            var (text, error) = file == "/dev/null" ? ("", null) : SourceFile.Read(tree.Open, file);
            if (error is not null || (text is null && project.EnvFiles is not null))
                item.Refuse(error is null ? $"there is no {file}" : $"{file} {error}");
            foreach (var (name, value) in EnvironmentFile.Read(text ?? "", outer, tree.Report with { File = file }))
                own[name] = value;
        }
        return name => outer(name) ?? own.GetValueOrDefault(name);
    }

    private YamlMapping Take(YamlMapping included, YamlMapping root)
    {
        foreach (var section in s_sections)
            if (included.Entries.FirstOrDefault(e => e.Key == section) is { Key: not null, Value: YamlMapping } taken)
                root = Take(section, taken, root);
        return included.Entries.Where(IsToBeRefused).Aggregate(root, Refused);
    }

    private static bool IsToBeRefused(YamlEntry entry) => s_sections.Contains(entry.Key)
        ? entry.Value is not YamlMapping and not YamlScalar { IsNull: true }
        : entry.Key is not ("name" or "version") && (!entry.Key.StartsWith("x-", StringComparison.Ordinal) || entry.Key.StartsWith("x-orc-", StringComparison.Ordinal));

    // As a part of this project it is read, and refused where it is written.
    private YamlMapping Refused(YamlMapping root, YamlEntry entry)
    {
        if (root.Entries.All(e => e.Key != entry.Key))
            return new YamlMapping(root.At, [.. root.Entries, entry]) { Mark = root.Mark };
        tree.Report.Error(entry.Value.At, entry.Key, $"got {entry.Value.Kind}; expected a mapping");
        return root;
    }

    private YamlMapping Take(string section, YamlEntry taken, YamlMapping root)
    {
        var own = root.Entries.FirstOrDefault(e => e.Key == section);
        if (own.Key is null || own.Value is YamlScalar { IsNull: true })
            return new YamlMapping(root.At, [.. root.Entries.Where(e => e.Key != section), taken]) { Mark = root.Mark };
        if (own.Value is not YamlMapping mapping)
            return root;
        var entries = mapping.Entries.ToList();
        var places = entries.Select((e, i) => (e.Key, i)).ToDictionary(e => e.Key, e => e.i);
        foreach (var entry in ((YamlMapping)taken.Value).Entries)
        {
            if (places.TryGetValue(entry.Key, out var place))
                entries[place] = Take(section, entry, entries[place]);
            else
                entries.Add(entry);
        }
        var merged = new YamlMapping(mapping.At, entries) { Mark = mapping.Mark };
        return new YamlMapping(root.At, [.. root.Entries.Select(e => e.Key == section ? e with { Value = merged } : e)]) { Mark = root.Mark };
    }

    private YamlEntry Take(string section, YamlEntry entry, YamlEntry own)
    {
        // The same one, which came by two ways.
        if (IsSamePlace(own.At, entry.At))
            return own;
        tree.Report.Warn(own.At, $"{section}.{own.Key}", $"is also at {entry.At.Origin!.File}:{entry.At.Line}, which is included; what is written here wins");
        return own with { Value = _merge.Merge(entry.Value, own.Value, section, own.Key) };
    }

    private static bool IsSamePlace(Position a, Position b) => (a.Line, a.Column) == (b.Line, b.Column) && PathOf(a.Origin!) == PathOf(b.Origin!);

    private static string PathOf(Origin origin) => Path.GetFullPath(Path.Combine(origin.Directory, origin.File));

    private sealed class Project
    {
        public List<string> Files { get; } = [];

        public string? Directory { get; set; }

        public List<string>? EnvFiles { get; set; }
    }
}
