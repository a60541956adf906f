using Xunit;

namespace Orchestrator.Machine;

/// <summary>Starting again, pausing, changing, health, and agents that come and go.</summary>
[Collection(MachineDefinition.Name)]
public sealed class LifeTests
{
    private readonly Machine _machine;

    public LifeTests(Machine machine)
    {
        Machine.NeedsRoot();
        _machine = machine;
    }

    [Fact]
    public async Task A_container_starts_again_with_its_files_and_its_log()
    {
        var name = await _machine.BackgroundAsync("echo run >> /runs; cat /runs | wc -l");
        (await _machine.OrcAsync("wait", name)).Succeeded();
        (await _machine.OrcAsync("start", name)).Succeeded();
        (await _machine.OrcAsync("wait", name)).Succeeded();
        Assert.Equal("1\n2\n", (await _machine.OrcAsync("logs", name)).Succeeded());
        Assert.Equal("3\n", (await _machine.OrcAsync("start", "-a", name)).Succeeded());
        await _machine.RemoveAsync(name);
    }

    [Fact]
    public async Task Stop_gives_grace_restart_runs_anew_and_rename_is_followed()
    {
        var name = await _machine.BackgroundAsync("trap 'exit 4' TERM; while true; do sleep 0.05; done");
        var before = await _machine.InspectAsync(name, "{{.State.Pid}}");
        (await _machine.OrcAsync("restart", name)).Succeeded();
        Assert.NotEqual(before, await _machine.InspectAsync(name, "{{.State.Pid}}"));
        (await _machine.OrcAsync("rename", name, "renamed")).Succeeded();
        (await _machine.OrcAsync("stop", "renamed")).Succeeded();
        Assert.Equal("exited 4", await _machine.InspectAsync("renamed", "{{.State.Status}} {{.State.ExitCode}}"));
        await _machine.RemoveAsync("renamed");
    }

    [Fact]
    public async Task Paused_it_stands_still()
    {
        const string Counting = "i=0; while true; do i=$((i+1)); echo $i > /n; done";
        var name = await _machine.BackgroundAsync(Counting);
        var witness = await _machine.BackgroundAsync(Counting);
        (await _machine.OrcAsync("pause", name)).Succeeded();
        Assert.Contains("(Paused)", (await _machine.OrcAsync("ps")).Succeeded(), StringComparison.Ordinal);
        Assert.Contains("paused", (await _machine.OrcAsync("exec", name, "true")).Refused(), StringComparison.Ordinal);
        var (file, beside) = (await CountOfAsync(name), await CountOfAsync(witness));
        var first = await File.ReadAllTextAsync(file);
        // That another one gets on meanwhile shows that this one could have.
        var passed = new HashSet<string>();
        await Machine.AwaitAsync("another container to get on", async () => passed.Add(await File.ReadAllTextAsync(beside)) && passed.Count >= 10);
        Assert.Equal(first, await File.ReadAllTextAsync(file));
        (await _machine.OrcAsync("unpause", name)).Succeeded();
        await Machine.AwaitAsync("it to go on", async () => await File.ReadAllTextAsync(file) != first);
        await _machine.RemoveAsync(name);
        await _machine.RemoveAsync(witness);
    }

    private async Task<string> CountOfAsync(string name) => $"/proc/{await _machine.InspectAsync(name, "{{.State.Pid}}")}/root/n";

    [Fact]
    public async Task Limits_change_while_it_runs_and_are_seen()
    {
        var name = await _machine.BackgroundAsync("sleep 1000", "-m", "64m", "--pids-limit", "50");
        (await _machine.OrcAsync("update", "-m", "128m", "--memory-swap", "128m", "--pids-limit", "60", "--cpus", "0.5", name)).Succeeded();
        Assert.Equal("134217728 60 500000000", await _machine.InspectAsync(name, "{{.HostConfig.Memory}} {{.HostConfig.PidsLimit}} {{.HostConfig.NanoCpus}}"));
        Assert.Contains("/ 128 MiB", (await _machine.OrcAsync("stats", "--no-stream", name)).Succeeded(), StringComparison.Ordinal);
        (await _machine.OrcAsync("update", "-m", "32m", "--memory-swap", "32m", name)).Succeeded();
        Assert.Contains("/ 32 MiB", (await _machine.OrcAsync("stats", "--no-stream", name)).Succeeded(), StringComparison.Ordinal);
        Assert.Contains("sleep 1000", (await _machine.OrcAsync("top", name)).Succeeded(), StringComparison.Ordinal);
        // 0 lifts them.
        (await _machine.OrcAsync("update", "-m", "0", "--pids-limit", "0", "--cpus", "0", name)).Succeeded();
        Assert.Equal("0 0 0", await _machine.InspectAsync(name, "{{.HostConfig.Memory}} {{.HostConfig.PidsLimit}} {{.HostConfig.NanoCpus}}"));
        Assert.DoesNotContain("/ 32 MiB", (await _machine.OrcAsync("stats", "--no-stream", name)).Succeeded(), StringComparison.Ordinal);
        await _machine.RemoveAsync(name);
    }

    [Fact]
    public async Task Health_follows_the_check()
    {
        var name = await _machine.BackgroundAsync("touch /ok; sleep 1000", "--health-cmd", "test -e /ok", "--health-interval", "200ms", "--health-retries", "2", "--health-timeout", "2s");
        await Machine.AwaitAsync("it to be healthy", async () => await _machine.InspectAsync(name, "{{.State.Health.Status}}") == "healthy");
        (await _machine.OrcAsync("exec", name, "rm", "/ok")).Succeeded();
        await Machine.AwaitAsync("it to be unhealthy", async () => await _machine.InspectAsync(name, "{{.State.Health.Status}}") == "unhealthy");
        Assert.Equal("running", await _machine.InspectAsync(name, "{{.State.Status}}"));
        await _machine.RemoveAsync(name);
    }

    [Fact]
    public async Task A_paused_containers_health_stands_still_too()
    {
        string[] check = ["--health-cmd", "true", "--health-interval", "100ms", "--health-retries", "1", "--health-timeout", "200ms"];
        var name = await _machine.BackgroundAsync("sleep 1000", check);
        await Machine.AwaitAsync("it to be healthy", async () => await _machine.InspectAsync(name, "{{.State.Health.Status}}") == "healthy");
        (await _machine.OrcAsync("pause", name)).Succeeded();
        // As long as another one takes through all its probes to its verdict.
        string[] failing = ["--health-cmd", "false", "--health-interval", "200ms", "--health-retries", "5", "--health-timeout", "1s"];
        var witness = await _machine.BackgroundAsync("sleep 1000", failing);
        await Machine.AwaitAsync("the other to be unhealthy", async () => await _machine.InspectAsync(witness, "{{.State.Health.Status}}") == "unhealthy");
        Assert.Equal("healthy", await _machine.InspectAsync(name, "{{.State.Health.Status}}"));
        (await _machine.OrcAsync("unpause", name)).Succeeded();
        await _machine.RemoveAsync(name);
        await _machine.RemoveAsync(witness);
    }

    [Fact]
    public async Task A_policy_restarts_as_often_as_it_says_and_not_what_its_user_stopped()
    {
        var failing = await _machine.BackgroundAsync("exit 2", "--restart", "on-failure:2");
        await Machine.AwaitAsync("two restarts", async () => await _machine.InspectAsync(failing, "{{.RestartCount}} {{.State.Status}}") == "2 exited");
        var always = await _machine.BackgroundAsync("sleep 1000", "--restart", "always");
        var pid = await _machine.InspectAsync(always, "{{.State.Pid}}");
        await Machine.RunAsync("kill", ["-KILL", pid]);
        await Machine.AwaitAsync("another process", async () => await _machine.InspectAsync(always, "{{.State.Status}} {{.State.Pid}}") is var now && now.StartsWith("running", StringComparison.Ordinal) && now != $"running {pid}");
        (await _machine.OrcAsync("stop", "-t", "0", always)).Succeeded();
        Assert.Equal("exited", await _machine.InspectAsync(always, "{{.State.Status}}"));
        await _machine.RemoveAsync(failing, always);
    }

    [Fact]
    public async Task What_happens_is_told()
    {
        var name = await _machine.BackgroundAsync("exit 6");
        (await _machine.OrcAsync("wait", name)).Succeeded();
        await _machine.RemoveAsync(name);
        var events = (await _machine.OrcAsync("events", "--since", "10m", "--until", "1ms", "-f", $"container={name}")).Succeeded();
        Assert.Equal(["create", "start", "die", "destroy"], events.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(l => l.Split(' ')[2]));
        Assert.Contains("exitCode=6", events, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Containers_outlive_the_agent_and_policies_hold_after_a_crash_of_the_machine()
    {
        var plain = await _machine.BackgroundAsync("echo up; sleep 1000");
        var always = await _machine.BackgroundAsync("sleep 1000", "--restart", "unless-stopped", "-p", "18080:80");
        var stopped = await _machine.BackgroundAsync("sleep 1000", "--restart", "unless-stopped");
        (await _machine.OrcAsync("stop", "-t", "0", stopped)).Succeeded();
        var pid = await _machine.InspectAsync(plain, "{{.State.Pid}}");
        (await _machine.ScriptAsync("kill")).Succeeded();
        (await _machine.ScriptAsync("start")).Succeeded();
        Assert.Equal($"running {pid}", await _machine.InspectAsync(plain, "{{.State.Status}} {{.State.Pid}}"));
        Assert.Equal("up\n", (await _machine.OrcAsync("logs", plain)).Succeeded());
        (await _machine.ScriptAsync("crash")).Succeeded();
        (await _machine.ScriptAsync("start")).Succeeded();
        await Machine.AwaitAsync("the policy to hold", async () => await _machine.InspectAsync(always, "{{.State.Status}}") == "running");
        Assert.Equal("exited", await _machine.InspectAsync(plain, "{{.State.Status}}"));
        Assert.Equal("exited", await _machine.InspectAsync(stopped, "{{.State.Status}}"));
        (await _machine.OrcAsync("start", plain)).Succeeded();
        Assert.Equal("running", await _machine.InspectAsync(plain, "{{.State.Status}}"));
        await _machine.RemoveAsync(plain, always, stopped);
    }

    [Fact]
    public async Task Those_that_ended_are_pruned()
    {
        var ended = await _machine.BackgroundAsync("true", "--label", "prune=me");
        (await _machine.OrcAsync("wait", ended)).Succeeded();
        var id = await _machine.InspectAsync(ended, "{{.Id}}");
        Assert.Equal(id + "\n", (await _machine.OrcAsync("container", "prune", "-f", "--filter", "label=prune=me")).Succeeded());
        (await _machine.OrcAsync("inspect", "--type", "container", ended)).Refused();
    }
}
