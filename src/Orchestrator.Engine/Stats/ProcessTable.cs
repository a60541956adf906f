using System.Globalization;

namespace Orchestrator.Engine.Stats;

/// <param name="Pid">As this machine sees it.</param>
/// <param name="Terminal">"?" without one.</param>
public sealed record ProcessRow(int Pid, int Parent, uint Uid, DateTimeOffset Started, TimeSpan CpuTime, string Terminal, string Command);

/// <summary>Processes as `ps -ef` shows them, read from /proc.</summary>
public static class ProcessTable
{
    private const double TicksPerSecond = 100;

    /// <summary>Of those that are still there, in order of pid.</summary>
    public static IReadOnlyList<ProcessRow> Of(IEnumerable<int> pids) => [.. pids.Order().Select(Read).OfType<ProcessRow>()];

    private static ProcessRow? Read(int pid)
    {
        try
        {
            var stat = File.ReadAllText($"/proc/{pid}/stat");
            // The name may hold spaces and brackets: what follows the last one has fixed places.
            var name = stat[(stat.IndexOf('(', StringComparison.Ordinal) + 1)..stat.LastIndexOf(')')];
            var fields = stat[(stat.LastIndexOf(')') + 2)..].Split(' ');
            var arguments = File.ReadAllText($"/proc/{pid}/cmdline").TrimEnd('\0').Replace('\0', ' ');
            return new ProcessRow(
                pid, (int)Number(fields[1]), Uid(pid), BootTime() + TimeSpan.FromSeconds(Number(fields[19]) / TicksPerSecond),
                TimeSpan.FromSeconds((Number(fields[11]) + Number(fields[12])) / TicksPerSecond), Terminal(Number(fields[4])), arguments.Length > 0 ? arguments : $"[{name}]");
        }
        catch (IOException)
        {
            return null;
        }
    }

    private static long Number(string text) => long.Parse(text, CultureInfo.InvariantCulture);

    private static uint Uid(int pid) => uint.Parse(
        File.ReadLines($"/proc/{pid}/status").First(l => l.StartsWith("Uid:", StringComparison.Ordinal)).Split('\t')[1], CultureInfo.InvariantCulture);

    private static DateTimeOffset BootTime() => DateTimeOffset.FromUnixTimeSeconds(
        Number(File.ReadLines("/proc/stat").First(l => l.StartsWith("btime ", StringComparison.Ordinal))[6..]));

    private static string Terminal(long device) => device == 0 ? "?" : $"pts/{device & 0xff}";
}
