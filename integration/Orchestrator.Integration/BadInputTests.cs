using Xunit;

namespace Orchestrator.Integration;

/// <summary>Each bad input gets one clear error that names where, and changes nothing.</summary>
[Collection(LabDefinition.Name)]
public sealed class BadInputTests(Lab lab)
{
    private const string Image = Lab.Registry + "/busybox:1";

    public static TheoryData<string, string, int, string[]> Composes => new()
    {
        { "wrong type", $"name: bad\nservices:\n  a:\n    image: {Image}\n    deploy:\n      replicas: many\n", 2, [":6", "replicas", "many"] },
        { "unknown key", $"name: bad\nservices:\n  a:\n    image: {Image}\n    imagge: x\n", 2, [":5", "imagge"] },
        { "undefined variable", $"name: bad\nservices:\n  a:\n    image: ${{NO_SUCH_VARIABLE:?set it}}\n", 2, [":4", "NO_SUCH_VARIABLE", "set it"] },
        { "bad port", $"name: bad\nservices:\n  a:\n    image: {Image}\n    ports: [\"99999:80\"]\n", 2, [":5", "ports", "99999"] },
        { "duplicate key", $"name: bad\nservices:\n  a:\n    image: {Image}\n    image: {Image}\n", 2, [":5", "image"] },
        { "alias bomb", "name: bad\nx-a: &a [x,x,x,x,x,x,x,x,x]\n" + string.Concat(Enumerable.Range(0, 9).Select(i => $"x-{(char)('b' + i)}: &{(char)('b' + i)} [{string.Join(",", Enumerable.Repeat($"*{(char)('a' + i)}", 9))}]\n")) + $"services:\n  a:\n    image: {Image}\n    command: *j\n", 2, ["alias"] },
        { "impossible reservation", $"name: bad\nservices:\n  a:\n    image: {Image}\n    deploy:\n      resources:\n        reservations:\n          memory: 4000G\n", 1, ["3.91 TiB", "largest"] },
        { "missing image", $"name: bad\nservices:\n  a:\n    image: {Lab.Registry}/no-such-image:1\n", 1, ["no-such-image", "not found"] },
    };

    [Theory, MemberData(nameof(Composes))]
    public async Task A_bad_compose_file_is_refused_by_name_and_place(string what, string compose, int exitCode, string[] words)
    {
        Lab.NeedsRoot();
        var result = await lab.ApplyAsync(compose);
        Assert.True(exitCode == result.ExitCode, $"{what}: exit code {result.ExitCode}\n{result.Output}\n{result.Error}");
        foreach (var word in words) Assert.Contains(word, result.Error, StringComparison.Ordinal);
        Assert.DoesNotContain(await lab.OrcListAsync("stack", "ls"), s => Lab.Text(s!, "name") == "bad");
    }

    [Fact]
    public async Task A_file_of_50_MB_is_refused_at_once()
    {
        Lab.NeedsRoot();
        var result = await lab.ApplyAsync("# " + new string('x', 50_000_000));
        Assert.Equal(2, result.ExitCode);
        Assert.Contains("MB", result.Error + result.Error.Replace("MiB", "MB", StringComparison.Ordinal), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_published_port_that_another_service_has_is_refused_by_name()
    {
        Lab.NeedsRoot();
        string Compose(string stack) => $"name: {stack}\nservices:\n  a:\n    image: {Image}\n    command: [\"sleep\", \"1000\"]\n    stop_grace_period: 1s\n    ports: [\"8190:80\"]\n";
        (await lab.ApplyAsync(Compose("first"), "--detach")).Succeeded();
        var result = await lab.ApplyAsync(Compose("second"));
        Assert.Equal(1, result.ExitCode);
        Assert.Contains("8190", result.Error, StringComparison.Ordinal);
        Assert.Contains("first", result.Error, StringComparison.Ordinal);
        Assert.DoesNotContain(await lab.OrcListAsync("stack", "ls"), s => Lab.Text(s!, "name") == "second");
        await lab.RemoveStackAsync("first");
    }

    [Fact]
    public async Task A_wrong_token_is_refused()
    {
        Lab.NeedsRoot();
        var token = System.Text.Json.Nodes.JsonNode.Parse((await lab.OrcAsync("cluster", "info", "--tokens", "-o", "json")).Succeeded())!["agentToken"]!.ToString();
        var wrong = token[..^4] + (token.EndsWith("aaaa", StringComparison.Ordinal) ? "bbbb" : "aaaa");
        var orcd = Path.Combine(AppContext.BaseDirectory, "../../../../../out/bin/orcd");
        var nodes = (await lab.OrcListAsync("node", "ls")).Count;
        var result = await lab.ScriptAsync("run", "client", orcd, "agent", "--join", "10.99.0.1:4600", "--token", wrong, "--data-dir", lab.Directory + "/intruder", "--run-dir", lab.Directory + "/intruder/run", "--advertise", "10.99.0.254", "--hostname", "intruder");
        Assert.NotEqual(0, result.ExitCode);
        Assert.Contains("token", result.Error + result.Output, StringComparison.OrdinalIgnoreCase);
        Assert.Equal(nodes, (await lab.OrcListAsync("node", "ls")).Count);
    }

    [Theory, InlineData(4600), InlineData(4601)]
    public async Task Garbage_and_strangers_at_a_port_change_nothing(int port)
    {
        Lab.NeedsRoot();
        var before = await RevisionAsync();
        await lab.ScriptAsync("run", "client", "sh", "-c", $"head -c 100000 /dev/urandom | busybox nc -w 1 10.99.0.1 {port} >/dev/null");
        var stranger = await lab.ScriptAsync("run", "client", "curl", "-skS", "--max-time", "2", "--http2-prior-knowledge", "-X", "POST", "-H", "content-type: application/grpc", $"https://10.99.0.1:{port}/orchestrator.v1.Api/ListStacks");
        Assert.DoesNotContain("\"stacks\"", stranger.Output, StringComparison.Ordinal);
        Assert.True(await RevisionAsync() >= before);
        Assert.Equal(3, (await lab.OrcListAsync("node", "ls")).Count(n => Lab.Text(n!, "status") == "NODE_READY"));
    }

    private async Task<ulong> RevisionAsync() =>
        ulong.Parse(System.Text.Json.Nodes.JsonNode.Parse((await lab.OrcAsync("cluster", "info", "-o", "json")).Succeeded())!["revision"]!.ToString());
}
