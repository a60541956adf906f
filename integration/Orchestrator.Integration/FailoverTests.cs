using System.Diagnostics;
using Xunit;

namespace Orchestrator.Integration;

/// <summary>Nothing acknowledged is lost when the leader dies.</summary>
[Collection(LabDefinition.Name)]
public sealed class FailoverTests(Lab lab)
{
    private const int Applies = 200;
    private const int Stacks = 20;

    // No replicas: the stream is of writes to the control plane, not of container starts; the last apply of each stack sets one replica.
    private static string Stack(int stack, int round) => $"""
        name: flood{stack}
        services:
          idle:
            image: {Lab.Registry}/busybox:1
            command: ["sleep", "100000"]
            stop_grace_period: 1s
            deploy:
              replicas: {(round == Applies / Stacks - 1 ? 1 : 0)}
              labels: [round={round}]
        """;

    [Fact]
    public async Task The_leader_is_killed_during_200_applies_and_every_acknowledged_one_is_there()
    {
        Lab.NeedsRoot();
        var acknowledged = new int[Stacks];
        Array.Fill(acknowledged, -1);
        var leader = await lab.LeaderAsync();
        var longestGap = TimeSpan.Zero;
        var done = 0;
        var sinceLast = Stopwatch.StartNew();
        var gate = new Lock();
        async Task StreamAsync(int first)
        {
            for (var round = 0; round < Applies / Stacks; round++)
                for (var stack = first; stack < Stacks; stack += 2)
                {
                    if ((await lab.ApplyAsync(Stack(stack, round), "--detach")).ExitCode != 0) continue;
                    lock (gate)
                    {
                        acknowledged[stack] = round;
                        done++;
                        longestGap = sinceLast.Elapsed > longestGap ? sinceLast.Elapsed : longestGap;
                        sinceLast.Restart();
                    }
                }
        }
        var streams = Task.WhenAll(StreamAsync(0), StreamAsync(1));
        await Lab.AwaitAsync("a quarter of the applies", TimeSpan.FromSeconds(60), () => Task.FromResult(Volatile.Read(ref done) > Applies / 4));
        (await lab.ScriptAsync("kill", leader)).Succeeded();
        await streams;
        lab.Report($"{done} of {Applies} acknowledged; longest time between two acknowledgements {longestGap.TotalSeconds:F2} s");
        (await lab.ScriptAsync("start", leader)).Succeeded();

        Assert.True(longestGap < TimeSpan.FromSeconds(3), $"writes paused for {longestGap.TotalSeconds:F2} s");
        var services = await lab.OrcListAsync("service", "ls");
        for (var stack = 0; stack < Stacks; stack++)
        {
            if (acknowledged[stack] < 0) continue;
            var service = services.Single(s => Lab.Text(s!, "stack") == $"flood{stack}");
            var round = int.Parse(service!["spec"]!["labels"]!["round"]!.ToString());
            Assert.True(round >= acknowledged[stack], $"flood{stack}: round {acknowledged[stack]} was acknowledged, {round} is there");
        }
        for (var stack = 0; stack < Stacks; stack++)
        {
            var expected = acknowledged[stack] == Applies / Stacks - 1 ? 1 : 0;
            if (expected == 1)
                await Lab.AwaitAsync($"flood{stack} to run one replica", TimeSpan.FromSeconds(30), async () => (await lab.RunningAsync($"flood{stack}")).Count == 1);
        }
        for (var stack = 0; stack < Stacks; stack++) (await lab.OrcAsync("stack", "rm", $"flood{stack}")).Succeeded();
    }
}
