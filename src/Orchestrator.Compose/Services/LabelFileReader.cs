using Orchestrator.Compose.Fields;
using Orchestrator.Compose.Interpolation;

namespace Orchestrator.Compose.Services;

internal static class LabelFileReader
{
    /// <summary>A later file wins over an earlier one, and <c>labels</c> over all of them.</summary>
    public static void Read(Field field, ServiceDraft service)
    {
        foreach (var item in field.OneOrMany())
        {
            if (item.Text("a path") is not { } written)
                continue;
            var path = item.PathOf(written);
            var (text, error) = SourceFile.Read(service.Stack.Open, path);
            if (error is not null || text is null)
                item.Refuse(error is not null ? $"{path} {error}" : $"got \"{written}\", but there is no {path}");
            foreach (var (name, value) in EnvironmentFile.Read(text ?? "", item.Lookup, item.Report with { File = path }))
                service.FileLabels[name] = value;
        }
    }
}
