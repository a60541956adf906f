using System.Diagnostics;
using System.Text.Json.Nodes;
using Xunit;

namespace Orchestrator.Integration;

/// <summary>What a command said and how it ended.</summary>
public sealed record CommandResult(int ExitCode, string Output, string Error)
{
    /// <summary>Fails the test with the command's own words unless it ended with 0.</summary>
    public string Succeeded()
    {
        Assert.True(ExitCode == 0, $"exit code {ExitCode}\n{Output}\n{Error}");
        return Output;
    }
}

/// <summary>Three servers and three agents on six hosts (network namespaces), shared by all tests; `integration/lab.sh` does the work.</summary>
public sealed class Lab : IAsyncLifetime
{
    public const string Registry = "10.99.0.254:5000";
    public static readonly string[] Agents = ["agent1", "agent2", "agent3"];
    public static readonly string[] Servers = ["server1", "server2", "server3"];
    private static readonly string s_root = FindRoot(AppContext.BaseDirectory);
    private readonly Stopwatch _up = Stopwatch.StartNew();

    public string Directory { get; } = $"/tmp/orc-lab-{Guid.NewGuid():N}"[..20];

    public async ValueTask InitializeAsync()
    {
        if (!Environment.IsPrivilegedProcess) return;
        (await ScriptAsync("up", "3", "3")).Succeeded();
        (await ScriptAsync("push", "busybox:1", Path.Combine(s_root, ".cache/images/busybox.tar"), "--cmd", "sh")).Succeeded();
    }

    public async ValueTask DisposeAsync()
    {
        var keep = Environment.GetEnvironmentVariable("ORC_KEEP_LAB");
        if (!string.IsNullOrEmpty(keep)) Console.WriteLine($"lab kept: integration/lab.sh ... {Directory}");
        else if (Environment.IsPrivilegedProcess) (await ScriptAsync("down")).Succeeded();
    }

    public static void NeedsRoot()
    {
        if (!Environment.IsPrivilegedProcess) Assert.Skip("needs root: containers and network namespaces");
    }

    /// <summary>A verb of lab.sh.</summary>
    public Task<CommandResult> ScriptAsync(string verb, params string[] arguments) =>
        RunAsync(Path.Combine(s_root, "integration/lab.sh"), [verb, Directory, .. arguments], null);

    public Task<CommandResult> OrcAsync(params string[] arguments) => ScriptAsync("orc", arguments);

    public async Task<JsonArray> OrcListAsync(params string[] arguments) =>
        JsonNode.Parse((await OrcAsync([.. arguments, "-o", "json"])).Succeeded())!.AsArray();

    /// <summary>Writes the compose text and applies it.</summary>
    public async Task<CommandResult> ApplyAsync(string compose, params string[] arguments)
    {
        var file = Path.Combine(Directory, $"{Guid.NewGuid():N}.yaml");
        await File.WriteAllTextAsync(file, compose);
        return await OrcAsync(["apply", "-f", file, .. arguments]);
    }

    /// <summary>The live replicas of a stack: desired running and observed running.</summary>
    public async Task<IReadOnlyList<JsonNode>> RunningAsync(string stack) =>
        [.. (await OrcListAsync("ps", stack)).Where(r => State(r!) == "RUNNING" && Text(r!, "desired") != "DESIRED_SHUTDOWN").Select(r => r!)];

    public static string State(JsonNode replica) => Text(replica["observed"]!, "state");

    public static string Text(JsonNode node, string field) => node[field]?.ToString() ?? "";

    public async Task<string> HostnameAsync(string nodeId) =>
        (await OrcListAsync("node", "ls")).Where(n => Text(n!, "id") == nodeId).Select(n => Text(n!, "hostname")).Single();

    /// <summary>The server that leads now.</summary>
    public async Task<string> LeaderAsync()
    {
        var info = JsonNode.Parse((await OrcAsync("cluster", "info", "-o", "json")).Succeeded())!;
        return info["servers"]!.AsArray().Where(s => Text(s!, "id") == Text(info, "leaderId")).Select(s => Text(s!, "hostname")).Single();
    }

    /// <summary>The body behind a published port of a node, asked from outside; null when there is no answer.</summary>
    public async Task<string?> GetAsync(string host, int port)
    {
        var result = await ScriptAsync("run", "client", "curl", "-sS", "--max-time", "2", $"http://{Address(host)}:{port}/");
        return result.ExitCode == 0 ? result.Output.Trim() : null;
    }

    public static string Address(string host) =>
        host.StartsWith("agent", StringComparison.Ordinal) ? $"10.99.0.{10 + int.Parse(host[5..])}" : $"10.99.0.{host[6..]}";

    /// <summary>Polls until the condition holds and answers how long that took; fails naming what was awaited.</summary>
    public static async Task<TimeSpan> AwaitAsync(string what, TimeSpan limit, Func<Task<bool>> condition)
    {
        var clock = Stopwatch.StartNew();
        while (!await condition())
        {
            Assert.True(clock.Elapsed < limit, $"not within {limit.TotalSeconds} s: {what}");
            await Task.Delay(20);
        }
        return clock.Elapsed;
    }

    public async Task RemoveStackAsync(string stack)
    {
        (await OrcAsync("stack", "rm", stack)).Succeeded();
        await AwaitAsync($"stack {stack} to be gone", TimeSpan.FromSeconds(30), async () => (await OrcListAsync("ps", stack)).Count == 0);
    }

    public void Report(string text) => TestContext.Current.TestOutputHelper?.WriteLine($"[{_up.Elapsed.TotalSeconds:F1} s] {text}");

    public static async Task<CommandResult> RunAsync(string program, IEnumerable<string> arguments, IReadOnlyDictionary<string, string>? environment)
    {
        var start = new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true, RedirectStandardInput = true };
        foreach (var (name, value) in environment ?? new Dictionary<string, string>()) start.Environment[name] = value;
        using var process = Process.Start(start)!;
        process.StandardInput.Close();
        var output = process.StandardOutput.ReadToEndAsync();
        var error = process.StandardError.ReadToEndAsync();
        await process.WaitForExitAsync();
        return new CommandResult(process.ExitCode, await output, await error);
    }

    private static string FindRoot(string from) =>
        File.Exists(Path.Combine(from, "Orchestrator.slnx")) ? from : FindRoot(Path.GetDirectoryName(from)!);
}

[CollectionDefinition(Name)]
public sealed class LabDefinition : ICollectionFixture<Lab>
{
    public const string Name = "lab";
}
