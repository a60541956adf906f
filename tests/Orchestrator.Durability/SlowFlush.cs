using System.Diagnostics;

namespace Orchestrator.Durability;

/// <summary>The preload library that delays flushes, built by the machine's own compiler.</summary>
internal static class SlowFlush
{
    private static readonly Lazy<string?> s_library = new(Build);

    /// <summary>Null where there is no compiler.</summary>
    public static Dictionary<string, string>? Environment(int microseconds) => s_library.Value is { } library
        ? new() { ["LD_PRELOAD"] = library, ["FLUSH_DELAY_US"] = $"{microseconds}" }
        : null;

    private static string? Build()
    {
        var library = Path.Combine(AppContext.BaseDirectory, "slow_flush.so");
        try
        {
            using var gcc = Process.Start("gcc", ["-shared", "-fPIC", "-O2", "-o", library, Path.Combine(AppContext.BaseDirectory, "slow_flush.c"), "-ldl"]);
            gcc.WaitForExit();
            return gcc.ExitCode == 0 ? library : throw new InvalidOperationException("gcc cannot build slow_flush.c");
        }
        catch (System.ComponentModel.Win32Exception)
        {
            return null;
        }
    }
}
