using Orchestrator.Compose.Fields;
using Orchestrator.Model;

namespace Orchestrator.Compose.Services;

/// <summary>Logs are always kept on the node, in rotated files; their size can be chosen.</summary>
internal static class LoggingReader
{
    private static readonly string[] s_noEffect = ["compress", "env", "env-regex", "labels", "labels-regex", "max-buffer-size", "mode", "path", "tag"];

    private static readonly Keys<Choice> s_keys = new("logging")
    {
        { "driver", (f, c) => c.Driver = f.Text("the name of a driver") ?? "" },
        { "options", (f, c) => c.Options = f },
    };

    public static void Read(Field field, ServiceDraft service)
    {
        var choice = new Choice();
        s_keys.Read(field, choice);
        if (choice.Driver is not ("" or "json-file" or "local"))
            field.Warn($"the driver \"{choice.Driver}\" is not used: logs are kept on the node, rotated, and shown by `orc logs`");
        else if (choice.Options is { } options)
            service.Container.Log = ReadOptions(options);
    }

    private static LogOptions? ReadOptions(Field options)
    {
        var log = new LogOptions();
        foreach (var option in options.Entries("a mapping of options"))
        {
            if (option.Key == "max-size")
                log.MaxSizeBytes = option.Node is Yaml.YamlScalar { Value: "-1" } ? 0 : ValueReaders.Bytes(option) ?? 0;
            else if (option.Key == "max-file")
                log.MaxFiles = option.Integer(1, 1000) ?? 0;
            else if (s_noEffect.Contains(option.Key))
                option.Warn($"the option {option.Key} has no effect here");
            else
                option.RefuseKey($"there is no option \"{option.Key}\"; there are max-size and max-file");
        }
        return log.Equals(new LogOptions()) ? null : log;
    }

    private sealed class Choice
    {
        public string Driver { get; set; } = "";

        public Field? Options { get; set; }
    }
}
