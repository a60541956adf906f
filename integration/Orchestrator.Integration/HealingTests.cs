using System.Text.Json.Nodes;
using Xunit;

namespace Orchestrator.Integration;

/// <summary>A stack comes up, and stays as asked whatever breaks.</summary>
[Collection(LabDefinition.Name)]
public sealed class HealingTests(Lab lab)
{
    private static string Web(string stack, int port, int replicas) => $"""
        name: {stack}
        services:
          web:
            image: {Lab.Registry}/busybox:1
            command: ["sh", "-c", "mkdir -p /tmp/w && hostname > /tmp/w/index.html && exec httpd -f -p 8000 -h /tmp/w"]
            ports: ["{port}:8000"]
            stop_grace_period: 1s
            deploy:
              replicas: {replicas}
        """;

    private static string Sleepers(string stack, int replicas) => $"""
        name: {stack}
        services:
          sleeper:
            image: {Lab.Registry}/busybox:1
            command: ["sh", "-c", "while true; do date; sleep 0.2; done"]
            stop_grace_period: 1s
            deploy:
              replicas: {replicas}
        """;

    private async Task<bool> AnswersEverywhereAsync(int port)
    {
        foreach (var agent in Lab.Agents)
            if (await lab.GetAsync(agent, port) is null)
                return false;
        return true;
    }

    private static string Pids(IEnumerable<JsonNode> replicas) =>
        string.Join(" ", replicas.Select(r => Lab.Text(r["observed"]!, "pid")).Order(StringComparer.Ordinal));

    [Fact]
    public async Task A_stack_comes_up_and_answers_through_every_node()
    {
        Lab.NeedsRoot();
        (await lab.ApplyAsync(Web("up", 8101, 3))).Succeeded();
        Assert.Equal(3, (await lab.RunningAsync("up")).Count);
        await Lab.AwaitAsync("an answer through every node", TimeSpan.FromSeconds(5), () => AnswersEverywhereAsync(8101));
        var fromItself = await lab.ScriptAsync("run", "agent1", "curl", "-sS", "--max-time", "2", "http://127.0.0.1:8101/");
        Assert.NotEmpty(fromItself.Succeeded());
        await lab.RemoveStackAsync("up");
    }

    [Fact]
    public async Task Services_of_a_stack_find_each_other_by_name_across_hosts()
    {
        Lab.NeedsRoot();
        var compose = Web("names", 8102, 3) + $"""

              asker:
                image: {Lab.Registry}/busybox:1
                command: ["sleep", "1000"]
                stop_grace_period: 1s
            """;
        (await lab.ApplyAsync(compose)).Succeeded();
        var answers = new HashSet<string>();
        await Lab.AwaitAsync("the virtual IP to reach all three replicas", TimeSpan.FromSeconds(20), async () =>
        {
            // A static busybox has no resolver for wget; its nslookup brings its own.
            var answer = await lab.OrcAsync("exec", "asker.1", "sh", "-c", @"printf 'GET / HTTP/1.0\r\n\r\n' | nc -w 2 $(nslookup web | tail -n 3 | sed -n 's/^Address: //p') 8000 | tail -n 1");
            if (answer.ExitCode == 0 && answer.Output.Trim().Length > 0) answers.Add(answer.Output.Trim());
            return answers.Count == 3;
        });
        await lab.RemoveStackAsync("names");
    }

    [Fact]
    public async Task A_killed_container_is_replaced_and_serves_within_two_seconds()
    {
        Lab.NeedsRoot();
        (await lab.ApplyAsync(Web("crash", 8103, 3))).Succeeded();
        await Lab.AwaitAsync("answers", TimeSpan.FromSeconds(5), () => AnswersEverywhereAsync(8103));
        var victim = (await lab.RunningAsync("crash"))[0];
        (await Lab.RunAsync("kill", ["-9", Lab.Text(victim["observed"]!, "pid")], null)).Succeeded();
        var healed = await Lab.AwaitAsync("three running without the killed one", TimeSpan.FromSeconds(2), async () =>
        {
            var running = await lab.RunningAsync("crash");
            return running.Count == 3 && running.All(r => Lab.Text(r, "id") != Lab.Text(victim, "id"));
        });
        lab.Report($"replaced after {healed.TotalMilliseconds:F0} ms");
        Assert.True(await AnswersEverywhereAsync(8103));
        await lab.RemoveStackAsync("crash");
    }

    [Fact]
    public async Task Replicas_of_a_cut_off_worker_run_elsewhere_and_exactly_the_asked_number_runs_after_it_heals()
    {
        Lab.NeedsRoot();
        (await lab.ApplyAsync(Web("cut", 8104, 6))).Succeeded();
        (await lab.ScriptAsync("cut", "agent2")).Succeeded();
        var lostNode = (await lab.OrcListAsync("node", "ls")).Where(n => Lab.Text(n!, "hostname") == "agent2").Select(n => Lab.Text(n!, "id")).Single();
        var moved = await Lab.AwaitAsync("six running without agent2", TimeSpan.FromSeconds(6), async () =>
            (await lab.RunningAsync("cut")).Count(r => Lab.Text(r, "nodeId") != lostNode) == 6);
        lab.Report($"running elsewhere after {moved.TotalSeconds:F2} s");
        (await lab.ScriptAsync("heal", "agent2")).Succeeded();
        var settled = await Lab.AwaitAsync("agent2 ready and six containers in all", TimeSpan.FromSeconds(10), async () =>
            await NodeIsReadyAsync("agent2") && await ContainersAsync("cut") == 6);
        lab.Report($"exact again {settled.TotalSeconds:F2} s after the cut healed");
        await lab.RemoveStackAsync("cut");
    }

    [Fact]
    public async Task All_servers_killed_at_once_come_back_with_the_same_state_and_containers_never_stop()
    {
        Lab.NeedsRoot();
        (await lab.ApplyAsync(Sleepers("blackout", 6))).Succeeded();
        var before = Pids(await lab.RunningAsync("blackout"));
        await Task.WhenAll(Lab.Servers.Select(s => lab.ScriptAsync("kill", s)));
        foreach (var server in Lab.Servers) (await lab.ScriptAsync("start", server)).Succeeded();
        await Lab.AwaitAsync("the cluster to answer", TimeSpan.FromSeconds(20), async () => (await lab.OrcAsync("ps", "blackout")).ExitCode == 0);
        await Lab.AwaitAsync("agents to be back", TimeSpan.FromSeconds(20), AllReadyAsync);
        Assert.Equal(before, Pids(await lab.RunningAsync("blackout")));
        await lab.RemoveStackAsync("blackout");
    }

    [Fact]
    public async Task A_killed_agent_leaves_its_containers_running_and_their_logs_go_on()
    {
        Lab.NeedsRoot();
        (await lab.ApplyAsync(Sleepers("agentless", 3))).Succeeded();
        var before = await lab.RunningAsync("agentless");
        var replica = before[0];
        var host = await lab.HostnameAsync(Lab.Text(replica, "nodeId"));
        (await lab.ScriptAsync("kill", host)).Succeeded();
        (await lab.ScriptAsync("start", host)).Succeeded();
        await Lab.AwaitAsync("the agent to be back", TimeSpan.FromSeconds(10), AllReadyAsync);
        Assert.Equal(Pids(before), Pids(await lab.RunningAsync("agentless")));
        var lines = await LogLinesAsync(Lab.Text(replica, "id"));
        await Lab.AwaitAsync("new log lines", TimeSpan.FromSeconds(5), async () => await LogLinesAsync(Lab.Text(replica, "id")) > lines);
        await lab.RemoveStackAsync("agentless");
    }

    [Fact]
    public async Task A_service_scales_from_3_to_30_to_3()
    {
        Lab.NeedsRoot();
        (await lab.ApplyAsync(Sleepers("scale", 3))).Succeeded();
        foreach (var replicas in new[] { 30, 3 })
        {
            (await lab.OrcAsync("service", "scale", "scale/sleeper", $"{replicas}")).Succeeded();
            var took = await Lab.AwaitAsync($"{replicas} running", TimeSpan.FromSeconds(30), async () =>
                (await lab.RunningAsync("scale")).Count == replicas && await ContainersAsync("scale") == replicas);
            lab.Report($"{replicas} replicas after {took.TotalSeconds:F2} s");
        }
        await lab.RemoveStackAsync("scale");
    }

    private async Task<int> LogLinesAsync(string replica) => (await lab.OrcAsync("logs", replica)).Succeeded().Split('\n').Length;

    private async Task<bool> NodeIsReadyAsync(string hostname) =>
        (await lab.OrcListAsync("node", "ls")).Any(n => Lab.Text(n!, "hostname") == hostname && Lab.Text(n!, "status") == "NODE_READY");

    private async Task<bool> AllReadyAsync() =>
        (await lab.OrcListAsync("node", "ls")).Count(n => Lab.Text(n!, "status") == "NODE_READY") == Lab.Agents.Length;

    // What really runs on the hosts, whatever the control plane believes.
    private async Task<int> ContainersAsync(string stack)
    {
        var known = (await lab.OrcListAsync("ps", stack, "-a")).Select(r => Lab.Text(r!, "id"));
        return known.Sum(id => Lab.Agents.Count(a => Runs(Path.Combine(lab.Directory, a, "run/runtime", id, "state.json"))));
    }

    private static bool Runs(string state)
    {
        try
        {
            return Directory.Exists("/proc/" + Lab.Text(JsonNode.Parse(File.ReadAllText(state))!, "pid"));
        }
        catch (IOException)
        {
            return false;
        }
    }
}
