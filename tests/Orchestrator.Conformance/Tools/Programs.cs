using System.Diagnostics;
using Xunit;

namespace Orchestrator.Conformance.Tools;

/// <summary>Programs that drive the runtime, as they come from Debian.</summary>
internal static class Programs
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(60);

    public static string Root { get; } = FindRoot(AppContext.BaseDirectory);

    public static string Runtime { get; } = Environment.GetEnvironmentVariable("ORC_RUNTIME") ?? Path.Combine(Root, "out/bin/orc-runtime");

    public static string Image { get; } = Path.Combine(Root, ".cache/images/busybox.tar");

    public static string? Find(string program) =>
        (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':').Append("/usr/sbin").Select(d => Path.Combine(d, program)).FirstOrDefault(File.Exists);

    public static void Require(params string[] programs)
    {
        Assert.SkipUnless(Environment.IsPrivilegedProcess, "needs root");
        Assert.SkipUnless(File.Exists(Runtime), $"needs the published runtime: {Runtime} (make publish, or $ORC_RUNTIME)");
        Assert.SkipUnless(File.Exists(Image), "needs the image: scripts/images.sh busybox");
        foreach (var program in programs)
            Assert.SkipUnless(Find(program) is not null, $"needs {program} (scripts/setup.sh test)");
    }

    public static RunResult Run(string program, IEnumerable<string> arguments, string input = "", IReadOnlyDictionary<string, string>? environment = null)
    {
        var start = new ProcessStartInfo(program, arguments) { RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true };
        foreach (var (name, value) in environment ?? new Dictionary<string, string>())
            start.Environment[name] = value;
        using var process = Process.Start(start)!;
        var (output, error) = (process.StandardOutput.ReadToEndAsync(), process.StandardError.ReadToEndAsync());
        process.StandardInput.Write(input);
        process.StandardInput.Close();
        if (process.WaitForExit(s_patience))
            return new RunResult(process.ExitCode, output.Result, error.Result);
        process.Kill(entireProcessTree: true);
        throw new TimeoutException($"{program} {string.Join(' ', arguments)} hangs");
    }

    /// <summary>The same on a terminal of its own, as a person would: what comes back is what the terminal showed.</summary>
    public static RunResult RunOnTerminal(string program, IEnumerable<string> arguments, string input, IReadOnlyDictionary<string, string>? environment = null)
    {
        var command = string.Join(' ', arguments.Prepend(program).Select(a => $"'{a.Replace("'", "'\\''", StringComparison.Ordinal)}'"));
        return Run("script", ["-qec", "stty rows 33 cols 77; " + command, "/dev/null"], input, environment);
    }

    /// <summary>Pids of the processes in whose command lines the word is.</summary>
    public static IEnumerable<int> With(string word) => Directory.GetDirectories("/proc")
        .Select(d => int.TryParse(Path.GetFileName(d), out var pid) ? pid : 0).Where(p => p > 0 && CommandLine(p).Contains(word, StringComparison.Ordinal));

    private static string CommandLine(int pid)
    {
        try
        {
            return File.ReadAllText($"/proc/{pid}/cmdline");
        }
        catch (IOException)
        {
            return "";
        }
    }

    private static string FindRoot(string from) => File.Exists(Path.Combine(from, "Orchestrator.slnx")) ? from : FindRoot(Path.GetDirectoryName(from)!);
}
