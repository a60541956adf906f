using System.Globalization;
using Xunit;

namespace Orchestrator.Machine;

/// <summary>kill -9 of the agent at any moment, while people start, join and stop containers. $ORC_AGENT_KILLS sets how often.</summary>
[Collection(MachineDefinition.Name)]
public sealed class AgentKillTests
{
    private const int Containers = 8;
    private static readonly int s_kills = int.Parse(Environment.GetEnvironmentVariable("ORC_AGENT_KILLS") ?? "4", CultureInfo.InvariantCulture);
    private readonly Random _random = new(1);
    private readonly Machine _machine;

    public AgentKillTests(Machine machine)
    {
        Machine.NeedsRoot();
        _machine = machine;
    }

    [Fact]
    public async Task Whoever_was_told_that_a_container_runs_finds_it_with_its_exit_code_and_its_output()
    {
        var told = 0;
        for (var round = 0; round < s_kills; round++)
            told += await KillAsync();
        Assert.True(told >= s_kills, $"{told} containers ran in {s_kills} rounds: the kills came too early to tell anything");
    }

    /// <summary>How many containers people had been told of when the agent died.</summary>
    private async Task<int> KillAsync()
    {
        var polite = await _machine.BackgroundAsync("trap 'exit 9' TERM; echo up; while :; do sleep 0.01; done");
        var runs = Enumerable.Range(0, Containers).Select(_ => (Name: _machine.NewName(), Code: _random.Next(1, 100))).ToList();
        var load = runs.ConvertAll(r => RunAsync(r.Name, r.Code));
        var others = new[] { _machine.OrcAsync("exec", polite, "true"), _machine.OrcAsync("stop", polite) };
        await AnsweredAsync(load, _random.Next(0, Containers));
        (await _machine.ScriptAsync("kill")).Succeeded();
        await Task.WhenAll(others);
        var told = await Task.WhenAll(load);
        (await _machine.ScriptAsync("start")).Succeeded();
        foreach (var (name, code) in runs.Where((_, i) => told[i]))
            await AssertEndsAsync(name, code);
        (await _machine.OrcAsync("stop", polite)).Succeeded();
        Assert.Equal("exited 9", await _machine.InspectAsync(polite, "{{.State.Status}} {{.State.ExitCode}}"));
        await _machine.OrcAsync(["rm", "-f", polite, .. runs.Select(r => r.Name)]);
        return told.Count(t => t);
    }

    private static async Task AnsweredAsync(IEnumerable<Task> load, int count)
    {
        await foreach (var _ in Task.WhenEach(load).Take(count))
        {
        }
    }

    private async Task<bool> RunAsync(string name, int code) =>
        (await _machine.ShellAsync($"sleep 0.{code}; echo {code}; exit {code}", "-d", "--name", name)).ExitCode == 0;

    private async Task AssertEndsAsync(string name, int code)
    {
        Assert.Equal($"{code}\n", (await _machine.OrcAsync("wait", name)).Succeeded());
        Assert.Equal($"exited {code}", await _machine.InspectAsync(name, "{{.State.Status}} {{.State.ExitCode}}"));
        Assert.Equal($"{code}\n", (await _machine.OrcAsync("logs", name)).Succeeded());
    }
}
