using System.Diagnostics;
using System.Text.Json.Nodes;
using Xunit;

namespace Orchestrator.Machine;

/// <summary>What a command said and how it ended.</summary>
public sealed record CommandResult(int ExitCode, string Output, string Error)
{
    /// <summary>Fails the test with the command's own words unless it ended with 0.</summary>
    public string Succeeded()
    {
        Assert.True(ExitCode == 0, $"exit code {ExitCode}\n{Output}\n{Error}");
        return Output;
    }

    /// <summary>The one sentence of a refusal.</summary>
    public string Refused(int exitCode = 1)
    {
        Assert.True(ExitCode == exitCode, $"exit code {ExitCode}, expected {exitCode}\n{Output}\n{Error}");
        return Error;
    }
}

/// <summary>One machine with `orcd dev` in a network namespace of its own, shared by all tests; `integration/machine.sh` does the work.</summary>
public sealed class Machine : IAsyncLifetime
{
    public const string Image = "127.0.0.1:5000/busybox:1", Address = "10.97.0.1";

    private static readonly string s_root = FindRoot(AppContext.BaseDirectory);
    private int _names;

    public string Directory { get; } = $"/tmp/orc-machine-{Guid.NewGuid():N}"[..24];

    public async ValueTask InitializeAsync()
    {
        if (Environment.IsPrivilegedProcess)
            (await ScriptAsync("up")).Succeeded();
    }

    public async ValueTask DisposeAsync()
    {
        if (!Environment.IsPrivilegedProcess)
            return;
        if (Environment.GetEnvironmentVariable("ORC_KEEP_LAB") is { Length: > 0 })
            Console.WriteLine($"machine kept: integration/machine.sh ... {Directory}");
        else
            (await ScriptAsync("down")).Succeeded();
    }

    public static void NeedsRoot()
    {
        if (!Environment.IsPrivilegedProcess)
            Assert.Skip("needs root: containers and network namespaces");
    }

    public string NewName() => $"c{Interlocked.Increment(ref _names)}";

    public Task<CommandResult> ScriptAsync(string verb, params string[] arguments) => RunAsync(Script, [verb, Directory, .. arguments]);

    public Task<CommandResult> OrcAsync(params string[] arguments) => ScriptAsync("orc", arguments);

    /// <summary>`orc run` of the image with a shell script.</summary>
    public Task<CommandResult> ShellAsync(string script, params string[] flags) => OrcAsync(["run", .. flags, Image, "sh", "-c", script]);

    /// <summary>Runs it in the background; its name.</summary>
    public async Task<string> BackgroundAsync(string script, params string[] flags)
    {
        var name = NewName();
        (await ShellAsync(script, ["-d", "--name", name, .. flags])).Succeeded();
        return name;
    }

    public async Task<string> InspectAsync(string name, string template) => (await OrcAsync("inspect", "-f", template, name)).Succeeded().Trim();

    public async Task RemoveAsync(params string[] names) => (await OrcAsync(["rm", "-f", "-v", .. names])).Succeeded();

    /// <summary>The CLI as a process of its own, to talk to while it runs.</summary>
    public Process Start(params string[] arguments) => Start(Script, ["orc", Directory, .. arguments]);

    /// <summary>The CLI on a terminal: what is written to its input is typed.</summary>
    public Process StartOnTerminal(string stty, params string[] arguments)
    {
        var line = string.Join(' ', ((string[])["orc", Directory, .. arguments]).Prepend(Script).Select(a => $"'{a.Replace("'", "'\\''", StringComparison.Ordinal)}'"));
        return Start("script", ["-qefc", $"{stty}; exec {line}", "/dev/null"]);
    }

    /// <summary>Until the condition holds; fails naming what was awaited.</summary>
    public static async Task AwaitAsync(string what, Func<Task<bool>> condition, int seconds = 20)
    {
        var clock = Stopwatch.StartNew();
        while (!await condition())
        {
            Assert.True(clock.Elapsed.TotalSeconds < seconds, $"not within {seconds} s: {what}");
            await Task.Delay(20);
        }
    }

    /// <summary>Reads until the text has come; fails with what came instead.</summary>
    public static async Task<string> ReadUntilAsync(Process process, string text)
    {
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(20));
        var seen = "";
        var buffer = new char[1024];
        try
        {
            while (!seen.Contains(text, StringComparison.Ordinal))
            {
                var read = await process.StandardOutput.ReadAsync(buffer, limit.Token);
                Assert.True(read > 0, $"it ended and never said \"{text}\": {seen}");
                seen += new string(buffer, 0, read);
            }
        }
        catch (OperationCanceledException)
        {
            Assert.Fail($"it did not say \"{text}\" within 20 s, but: {seen}");
        }
        return seen;
    }

    public static async Task<int> EndAsync(Process process)
    {
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(20));
        await process.WaitForExitAsync(limit.Token);
        return process.ExitCode;
    }

    public static async Task<CommandResult> RunAsync(string program, IEnumerable<string> arguments, string? input = null)
    {
        using var process = Start(program, arguments);
        if (input is not null)
            await process.StandardInput.WriteAsync(input);
        process.StandardInput.Close();
        var output = process.StandardOutput.ReadToEndAsync();
        var error = process.StandardError.ReadToEndAsync();
        await process.WaitForExitAsync();
        return new CommandResult(process.ExitCode, await output, await error);
    }

    public Task<CommandResult> OrcWithInputAsync(string input, params string[] arguments) => RunAsync(Script, ["orc", Directory, .. arguments], input);

    public static JsonNode Json(string text) => JsonNode.Parse(text)!;

    private static string Script => Path.Combine(s_root, "integration/machine.sh");

    private static Process Start(string program, IEnumerable<string> arguments) =>
        Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true, RedirectStandardInput = true })!;

    private static string FindRoot(string from) =>
        File.Exists(Path.Combine(from, "Orchestrator.slnx")) ? from : FindRoot(Path.GetDirectoryName(from)!);
}

[CollectionDefinition(Name)]
public sealed class MachineDefinition : ICollectionFixture<Machine>
{
    public const string Name = "machine";
}
