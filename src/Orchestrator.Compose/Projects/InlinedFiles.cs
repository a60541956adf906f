using Orchestrator.Compose.Yaml;
using Orchestrator.Model;

namespace Orchestrator.Compose.Projects;

/// <summary>What <c>env_file</c> and <c>label_file</c> hold goes into the service itself: whoever reads it later need not have the files, and expands
/// nothing a second time.</summary>
internal static class InlinedFiles
{
    public static YamlMapping Apply(YamlMapping root, StackSpec spec) =>
        new(root.At, [.. root.Entries.Select(e => e is { Key: "services", Value: YamlMapping services } ? e with { Value = Services(services, spec) } : e)]);

    private static YamlMapping Services(YamlMapping services, StackSpec spec) =>
        new(services.At, [.. services.Entries.Select(e =>
            e.Value is YamlMapping service && spec.Services.FirstOrDefault(s => s.Name == e.Key) is { } read ? e with { Value = Service(service, read.Container) } : e)]);

    private static YamlMapping Service(YamlMapping service, ContainerSpec container) =>
        Inlined(Inlined(service, "env_file", "environment", container.Environment), "label_file", "labels", container.Labels);

    private static YamlMapping Inlined(YamlMapping service, string file, string key, IDictionary<string, string> values)
    {
        if (service.Entries.FirstOrDefault(e => e.Key == file) is not { Key: not null, At: var at })
            return service;
        var pairs = values.OrderBy(v => v.Key, StringComparer.Ordinal).Select(v => new YamlEntry(v.Key, at, new YamlScalar(at, v.Value, plain: false)));
        var all = new YamlEntry(key, at, new YamlMapping(at, [.. pairs]));
        return new YamlMapping(service.At, [.. service.Entries.Where(e => e.Key != key).Select(e => e.Key == file ? all : e)]);
    }
}
