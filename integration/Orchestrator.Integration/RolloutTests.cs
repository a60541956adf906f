using System.Text.Json.Nodes;
using Xunit;

namespace Orchestrator.Integration;

/// <summary>An update that goes wrong is undone by itself, says why, and the service goes on serving all the while.</summary>
[Collection(LabDefinition.Name)]
public sealed class RolloutTests(Lab lab)
{
    private const string Serve = "mkdir -p /tmp/w && hostname > /tmp/w/index.html && exec httpd -f -p 8000 -h /tmp/w";

    [Theory]
    [InlineData("nosuch", 8111, "[\"/no/such/program\"]", "", "web.1 failed")]
    [InlineData("crashing", 8112, "[\"sh\", \"-c\", \"echo no database; exit 3\"]", "", "exit code 3")]
    [InlineData("sickly", 8113, "[\"sh\", \"-c\", \"exec sleep 1000\"]", "healthcheck: {test: [CMD, \"false\"], interval: 200ms, retries: 2}", "web.1 failed")]
    public async Task A_bad_version_is_rolled_back_by_itself_while_the_service_serves(string stack, int port, string command, string more, string why)
    {
        Lab.NeedsRoot();
        (await lab.ApplyAsync(Web(stack, port, $"[\"sh\", \"-c\", \"{Serve}\"]", ""))).Succeeded();
        // Up is not yet good: for that a version has to prove itself.
        await AwaitCompleteAsync($"{stack}/web", 1);
        var before = Ids(await lab.RunningAsync(stack));
        using var asking = new CancellationTokenSource();
        var failures = AskAsync(port, asking.Token);
        var applied = await lab.ApplyAsync(Web(stack, port, command, more));
        Assert.Equal(1, applied.ExitCode);
        Assert.Contains("version 2 was rolled back to 1", applied.Error, StringComparison.Ordinal);
        Assert.Contains(why, applied.Error, StringComparison.Ordinal);
        var back = await AwaitCompleteAsync($"{stack}/web", 1);
        lab.Report($"complete again {back.TotalSeconds:F2} s after apply gave up");
        await asking.CancelAsync();
        Assert.Equal(0, await failures);
        // Started first, so the two old replicas were never touched.
        Assert.Equal(before, Ids(await lab.RunningAsync(stack)));
        await lab.RemoveStackAsync(stack);
    }

    [Fact]
    public async Task A_canary_waits_to_be_promoted_and_any_version_can_be_returned_to()
    {
        Lab.NeedsRoot();
        (await lab.ApplyAsync(Versioned("canary", "one"))).Succeeded();
        (await lab.ApplyAsync(Versioned("canary", "two"))).Succeeded();
        Assert.Contains("waits to be promoted; 1 of 3 replicas run version 2", await StatusAsync("canary/web"), StringComparison.Ordinal);
        (await lab.OrcAsync("rollout", "promote", "canary/web", "--wait")).Succeeded();
        await AwaitCompleteAsync("canary/web", 2);
        (await lab.OrcAsync("rollout", "undo", "canary/web", "--to", "1", "--wait")).Succeeded();
        await AwaitCompleteAsync("canary/web", 1);
        var refused = await lab.OrcAsync("rollout", "undo", "canary/web", "--to", "7");
        Assert.Equal((1, "orc: service canary/web: version 7 is not kept; there are 2\n"), (refused.ExitCode, refused.Error));
        await lab.RemoveStackAsync("canary");
    }

    private Task<TimeSpan> AwaitCompleteAsync(string service, int version) =>
        Lab.AwaitAsync($"version {version} to be complete", TimeSpan.FromSeconds(20), async () =>
            (await StatusAsync(service)).Contains($"version {version} is complete", StringComparison.Ordinal));

    private async Task<string> StatusAsync(string service) => (await lab.OrcAsync("rollout", "status", service)).Output;

    /// <summary>Requests without an answer, until it is cancelled.</summary>
    private async Task<int> AskAsync(int port, CancellationToken cancellation)
    {
        for (var failures = 0; ; failures += await lab.GetAsync("agent1", port) is null ? 1 : 0)
            if (cancellation.IsCancellationRequested)
                return failures;
    }

    private static string Ids(IEnumerable<JsonNode> replicas) => string.Join(" ", replicas.Select(r => Lab.Text(r, "id")).Order(StringComparer.Ordinal));

    private static string Versioned(string stack, string version) => $"""
        name: {stack}
        services:
          web:
            image: {Lab.Registry}/busybox:1
            command: ["sleep", "1000"]
            environment: ["VERSION={version}"]
            stop_grace_period: 100ms
            deploy:
              replicas: 3
              update_config:
                x-orc-canary: 1
        """;

    private static string Web(string stack, int port, string command, string more) => $"""
        name: {stack}
        services:
          web:
            image: {Lab.Registry}/busybox:1
            command: {command}
            ports: ["{port}:8000"]
            stop_grace_period: 1s
            {more}
            deploy:
              replicas: 2
              update_config:
                order: start-first
                failure_action: rollback
        """;
}
