using System.Threading.Channels;
using Microsoft.Extensions.Logging.Abstractions;
using Orchestrator.Agent.Health;
using Orchestrator.Tests.Engine.Containers;
using Xunit;

namespace Orchestrator.Tests.Agent.Health;

/// <summary>Probes in a container of the real runtime.</summary>
public sealed class HealthMonitorTests
{
    private static readonly HealthCheck s_check = new(
        ["sh", "-c", "echo looked; test -e /tmp/well"], TimeSpan.FromMilliseconds(300), TimeSpan.FromSeconds(20), 2, TimeSpan.FromSeconds(20), TimeSpan.FromMilliseconds(100));

    [Fact]
    public async Task A_container_becomes_healthy_then_unhealthy_with_what_the_check_said_and_the_watch_ends_with_it()
    {
        await using var lab = await EngineLab.OpenAsync();
        var container = await lab.StartAsync(lab.Shell("exec sleep 1000"));
        var told = Channel.CreateUnbounded<(Orchestrator.Model.Health Health, string Output)>();
        var watching = new HealthMonitor(lab.Engine, container, s_check, NullLogger.Instance)
            .RunAsync(Orchestrator.Model.Health.Starting, (health, output) => told.Writer.TryWrite((health, output)), TestContext.Current.CancellationToken);
        var well = $"/proc/{container.Record.Process!.Pid}/root/tmp/well";
        File.WriteAllText(well, "");
        Assert.Equal((Orchestrator.Model.Health.Healthy, ""), await told.Reader.ReadAsync(TestContext.Current.CancellationToken));
        File.Delete(well);
        Assert.Equal((Orchestrator.Model.Health.Unhealthy, "looked"), await told.Reader.ReadAsync(TestContext.Current.CancellationToken));
        await container.StopAsync(TimeSpan.Zero, TestContext.Current.CancellationToken);
        await watching;
    }

    [Fact]
    public async Task A_check_that_takes_too_long_failed_and_says_so()
    {
        await using var lab = await EngineLab.OpenAsync();
        var container = await lab.StartAsync(lab.Shell("exec sleep 1000"));
        var check = s_check with
        {
            Command = ["sleep", "1000"],
            Timeout = TimeSpan.FromMilliseconds(200),
            Retries = 1,
            StartPeriod = TimeSpan.Zero,
            Interval = TimeSpan.FromMilliseconds(50),
        };
        var told = new TaskCompletionSource<string>();
        var watching = new HealthMonitor(lab.Engine, container, check, NullLogger.Instance)
            .RunAsync(Orchestrator.Model.Health.Starting, (_, output) => told.TrySetResult(output), TestContext.Current.CancellationToken);
        Assert.Contains("longer than 0.2 s", await told.Task.WaitAsync(TestContext.Current.CancellationToken), StringComparison.Ordinal);
        await container.StopAsync(TimeSpan.Zero, TestContext.Current.CancellationToken);
        await watching;
    }
}
