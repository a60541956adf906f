using Orchestrator.Compose.Fields;
using Orchestrator.Compose.Interpolation;

namespace Orchestrator.Compose.Services;

internal static class EnvironmentReader
{
    private static readonly Keys<EnvFile> s_fileKeys = new("an env_file")
    {
        { "path", (f, e) => e.Path = f.Text("a path") ?? "" },
        { "required", (f, e) => e.Required = f.Flag() ?? true },
        { "format", (f, e) => e.Raw = f.OneOf("raw") is not null },
    };

    /// <summary>A name alone passes the variable on from where the file is applied; one that is not set there stays unset.</summary>
    public static void Read(Field field, ServiceDraft service)
    {
        foreach (var (key, value, at) in KeyValues.Read(field))
        {
            if ((value ?? at.Lookup(key)) is { } known)
                service.Container.Environment[key] = known;
            else
                at.Warn($"the variable {key} is not set here, so the container does not get it");
        }
    }

    public static void ReadFiles(Field field, ServiceDraft service)
    {
        foreach (var item in field.IsList ? field.Items() : [field])
        {
            var file = new EnvFile();
            if (item.IsMapping)
                s_fileKeys.Read(item, file);
            else
                file.Path = item.Text("a path, or a mapping with path") ?? "?";
            if (file.Path.Length == 0)
                item.Refuse("names no file; write path:");
            else if (file.Path != "?")
                ReadFile(item, file, service);
        }
    }

    private static void ReadFile(Field item, EnvFile file, ServiceDraft service)
    {
        var path = item.PathOf(file.Path);
        var (text, error) = SourceFile.Read(service.Stack.Open, path);
        if (error is not null)
            item.Refuse($"{path} {error}");
        else if (text is null && file.Required)
            item.Refuse($"got \"{file.Path}\", but there is no {path}; write required: false beside path: if it may be missing");
        foreach (var (name, value) in EnvironmentFile.Read(text ?? "", item.Lookup, item.Report with { File = path }, file.Raw))
            service.FileEnvironment[name] = value;
    }

    private sealed class EnvFile
    {
        public string Path { get; set; } = "";

        public bool Required { get; set; } = true;

        public bool Raw { get; set; }
    }
}
