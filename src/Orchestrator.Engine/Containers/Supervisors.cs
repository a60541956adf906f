using System.Globalization;
using System.Text.Json;
using Orchestrator.Linux;

namespace Orchestrator.Engine.Containers;

/// <summary>Finds the supervisor of a container whose start an engine did not live to note.</summary>
internal static class Supervisors
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan s_pause = TimeSpan.FromMilliseconds(20);

    /// <summary>Start time 0, which no process has, for one that is already gone.</summary>
    public static ProcessMark Mark(int pid) => new(pid, Processes.StartTime(pid) ?? 0);

    /// <returns>Null when no process holds the container and none is about to.</returns>
    public static async Task<(ProcessMark Supervisor, ProcessMark Process)?> FindAsync(string stateDirectory, string bundle)
    {
        for (var waited = TimeSpan.Zero; waited < s_patience; waited += s_pause)
        {
            var launching = IsLaunching(bundle);
            if (ReadPid(Path.Combine(stateDirectory, "state.json")) is { } pid && Processes.StartTime(pid) is { } start && Parent(pid) is { } parent)
                return (Mark(parent), new ProcessMark(pid, start));
            if (!launching)
                return null;
            await Task.Delay(s_pause);
        }
        return null;
    }

    private static bool IsLaunching(string bundle) =>
        Directory.EnumerateDirectories("/proc").Where(d => char.IsAsciiDigit(Path.GetFileName(d)[0])).Any(d => Arguments(d).Contains(bundle));

    private static string[] Arguments(string process) => ReadText(Path.Combine(process, "cmdline"))?.Split('\0') ?? [];

    private static int? Parent(int pid) =>
        ReadText($"/proc/{pid}/status")?.Split('\n').FirstOrDefault(l => l.StartsWith("PPid:", StringComparison.Ordinal)) is { } line
            ? int.Parse(line.AsSpan(5), NumberStyles.Integer, CultureInfo.InvariantCulture) : null;

    private static int? ReadPid(string state)
    {
        try
        {
            if (ReadText(state) is not { } text)
                return null;
            using var json = JsonDocument.Parse(text);
            return json.RootElement.TryGetProperty("pid", out var pid) && pid.GetInt32() is > 0 and var value ? value : null;
        }
        catch (JsonException)
        {
            return null;
        }
    }

    private static string? ReadText(string path)
    {
        try
        {
            return File.ReadAllText(path);
        }
        catch (IOException)
        {
            return null;
        }
    }
}
