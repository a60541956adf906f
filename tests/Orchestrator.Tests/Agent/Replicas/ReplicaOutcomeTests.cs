using Orchestrator.Agent.Replicas;
using Orchestrator.Engine.Containers;
using Orchestrator.Model;
using Xunit;

namespace Orchestrator.Tests.Agent.Replicas;

public sealed class ReplicaOutcomeTests
{
    private static readonly Observed s_running = new() { State = ReplicaState.Running, Pid = 7, StartedMs = 5 };

    [Theory]
    [InlineData(0, false, ReplicaState.Complete, "")]
    [InlineData(3, false, ReplicaState.Failed, "exit code 3")]
    [InlineData(137, true, ReplicaState.Failed, "out of memory (exit code 137)")]
    public void The_exit_decides_when_nobody_asked_for_the_end(int code, bool oom, ReplicaState state, string message)
    {
        var final = ReplicaOutcome.Of(s_running, Fate.Run, new ContainerExit(code, 0, oom, 99), null, 100);
        Assert.Equal((state, message, code, oom, 99, 0), (final.State, final.Message, final.ExitCode, final.OomKilled, final.FinishedMs, final.Pid));
    }

    [Fact]
    public void A_replica_that_was_to_stop_is_shut_down_whatever_its_exit_code() =>
        Assert.Equal(ReplicaState.Shutdown, ReplicaOutcome.Of(s_running, Fate.Shutdown, new ContainerExit(143, 15, false, 99), null, 100).State);

    [Fact]
    public void An_unhealthy_one_failed_and_says_what_the_check_said()
    {
        var final = ReplicaOutcome.Of(s_running, Fate.Run, new ContainerExit(0, 0, false, 99), "no answer", 100);
        Assert.Equal((ReplicaState.Failed, "unhealthy: no answer"), (final.State, final.Message));
    }

    [Theory]
    [InlineData(ReplicaState.Preparing, ReplicaState.Rejected)]
    [InlineData(ReplicaState.Ready, ReplicaState.Rejected)]
    [InlineData(ReplicaState.Starting, ReplicaState.Failed)]
    public void An_error_before_the_start_rejects_and_later_ones_fail(ReplicaState at, ReplicaState state) =>
        Assert.Equal(state, ReplicaOutcome.OfError(new Observed { State = at }, "no such image", null, 1).State);

    [Fact]
    public void What_was_observed_before_is_not_changed()
    {
        ReplicaOutcome.Of(s_running, Fate.Run, null, null, 100);
        Assert.Equal(ReplicaState.Running, s_running.State);
    }
}
