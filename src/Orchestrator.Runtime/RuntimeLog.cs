using System.Globalization;
using System.Text.Json;
using Orchestrator.Runtime.Containers;

namespace Orchestrator.Runtime;

/// <summary>The file that --log names: where callers such as containerd and conmon read why a command failed. In runc's words.</summary>
/// <param name="path">Empty for none.</param>
internal sealed class RuntimeLog(string path, string format)
{
    private const string Text = "text", Json = "json";

    public static RuntimeLog From(Arguments global) => new(global.Value("--log") ?? "", global.Value("--log-format") switch
    {
        null or Text => Text,
        Json => Json,
        var other => throw new UsageException($"--log-format: \"{other}\" is unknown; accepted: {Text}, {Json}"),
    });

    public void Error(string message)
    {
        if (path.Length == 0)
            return;
        var time = DateTimeOffset.UtcNow.ToString("yyyy-MM-ddTHH:mm:ssZ", CultureInfo.InvariantCulture);
        var line = format == Json
            ? JsonSerializer.Serialize(new LogEntry("error", message, time), ContainerJson.Default.LogEntry)
            : $"time=\"{time}\" level=error msg=\"{message.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("\"", "\\\"", StringComparison.Ordinal).Replace("\n", "\\n", StringComparison.Ordinal)}\"";
        try
        {
            File.AppendAllText(path, line + "\n");
        }
        // The reason is on stderr all the same.
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
        }
    }
}
