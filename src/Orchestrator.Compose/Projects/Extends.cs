using Orchestrator.Compose.Fields;
using Orchestrator.Compose.Merging;
using Orchestrator.Compose.Yaml;

namespace Orchestrator.Compose.Projects;

/// <summary>Services that begin as another one, of this file or of another: the other is laid under them. Networks and volumes of another file are not brought along.</summary>
internal sealed class Extends(ComposeTree tree)
{
    private const int DeepestMost = 32;

    private static readonly Keys<Base> s_keys = new("extends")
    {
        { "service", (f, b) => b.Service = f.Text("the name of a service") ?? "" },
        { "file", (f, b) => b.File = f.PathOf(f.Text("a path") ?? "") },
    };

    private readonly TreeMerge _merge = new(tree.Report, keepMarks: true);
    private readonly Dictionary<string, YamlMapping?> _files = new(StringComparer.Ordinal);
    private readonly Dictionary<(string File, string Service), YamlNode> _done = [];

    public YamlMapping Apply(YamlMapping root)
    {
        if (Services(root) is not { } services)
            return root;
        var applied = new List<YamlEntry>();
        var size = 0L;
        // Of more than that nothing is made: it is refused as it is.
        foreach (var entry in services.Entries.TakeWhile(_ => size <= YamlReader.MaxNodes))
        {
            applied.Add(entry with { Value = Whole(root, entry, []) });
            size += applied[^1].Value.Size;
        }
        return applied.SequenceEqual(services.Entries) ? root : With(root, new YamlMapping(services.At, applied) { Mark = services.Mark });
    }

    private static YamlMapping With(YamlMapping root, YamlMapping services) =>
        new(root.At, [.. root.Entries.Select(e => e.Key == "services" ? e with { Value = services } : e)]) { Mark = root.Mark };

    private static YamlMapping? Services(YamlMapping root) => root.Entries.FirstOrDefault(e => e.Key == "services").Value as YamlMapping;

    private YamlNode Whole(YamlMapping root, YamlEntry service, IReadOnlyList<(string File, string Service)> ring)
    {
        if (service.Value is not YamlMapping own || own.Entries.FirstOrDefault(e => e.Key == "extends") is not { Key: not null } extends)
            return service.Value;
        var self = (File: root.At.Origin!.File, Service: service.Key);
        if (_done.TryGetValue(self, out var done))
            return done;
        var field = new Field($"services.{service.Key}.extends", "extends", extends.At, extends.Value, tree.Report);
        var rest = new YamlMapping(own.At, [.. own.Entries.Where(e => e.Key != "extends")]) { Mark = own.Mark };
        if (field.IsNull)
            return rest;
        if (ring.Contains(self))
            field.RefuseKey($"extends goes round in a ring: {string.Join(" -> ", ring.SkipWhile(r => r != self).Append(self).Select(r => r.Service))}; take one of them out");
        else if (ring.Count == DeepestMost)
            field.RefuseKey($"extends more than {DeepestMost} services, each the next");
        else if (Find(field, root) is { } found)
            return _done[self] = _merge.Merge(Whole(found.Root, found.Service, [.. ring, self]), rest, "services", service.Key);
        return rest;
    }

    private (YamlMapping Root, YamlEntry Service)? Find(Field field, YamlMapping root)
    {
        var wanted = new Base();
        if (field.IsMapping)
            s_keys.Read(field, wanted);
        else
            wanted.Service = field.Text("the name of a service, or a mapping with service and file") ?? "";
        if (wanted.Service.Length == 0)
        {
            if (field.IsMapping)
                field.RefuseKey("names no service; write service: and its name");
            return null;
        }
        if ((wanted.File is null ? root : Open(wanted.File, field)) is not { } other)
            return null;
        var services = Services(other)?.Entries ?? [];
        if (services.FirstOrDefault(s => s.Key == wanted.Service) is { Key: not null } service)
            return (other, service);
        field.RefuseKey($"there is no service \"{wanted.Service}\" in {other.At.Origin!.File}; there are {string.Join(", ", services.Select(s => s.Key))}");
        return null;
    }

    private YamlMapping? Open(string file, Field field)
    {
        var path = Path.GetFullPath(file);
        if (!_files.TryGetValue(path, out var root))
        {
            var read = tree.ReadFile(path, Path.GetDirectoryName(path) ?? "/", field.Lookup);
            _files[path] = root = read is null ? null : tree.Expand(read);
        }
        return root;
    }

    private sealed class Base
    {
        public string Service { get; set; } = "";

        public string? File { get; set; }
    }
}
