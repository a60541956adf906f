using Orchestrator.Model;
using Orchestrator.Model.Reconciling;
using Xunit;

namespace Orchestrator.Tests.Model.Reconciling;

public sealed class RestartRuleTests
{
    [Theory]
    [InlineData(0, 1, 0)]
    [InlineData(0, 2, 200)]
    [InlineData(0, 3, 400)]
    [InlineData(0, 10, 51_200)]
    [InlineData(0, 11, 60_000)]
    [InlineData(0, int.MaxValue, 60_000)]
    [InlineData(5000, 1, 5000)]
    [InlineData(5000, 2, 10_000)]
    [InlineData(5000, 9, 60_000)]
    [InlineData(90_000, 9, 90_000)]
    public void The_delay_doubles_up_to_a_minute(long delayMs, int failures, long expectedMs) =>
        Assert.Equal(expectedMs, RestartRule.Delay(new RestartPolicy { DelayMs = delayMs }, failures));

    [Theory]
    [InlineData(29_999, 0, 5)]
    [InlineData(30_000, 0, 1)]
    [InlineData(2_000, 2_000, 1)]
    public void A_good_run_forgets_the_failures_before(long ranMs, long windowMs, int failures)
    {
        var ended = new Replica { FailuresInRow = 4, Observed = new() { State = ReplicaState.Failed, StartedMs = 1000, FinishedMs = 1000 + ranMs } };
        Assert.Equal(failures, RestartRule.After(ended, new() { WindowMs = windowMs }).FailuresInRow);
    }

    [Theory]
    [InlineData(RestartCondition.Any, ReplicaState.Complete, true)]
    [InlineData(RestartCondition.Any, ReplicaState.Failed, true)]
    [InlineData(RestartCondition.OnFailure, ReplicaState.Complete, false)]
    [InlineData(RestartCondition.OnFailure, ReplicaState.Rejected, true)]
    [InlineData(RestartCondition.None, ReplicaState.Failed, false)]
    [InlineData(RestartCondition.None, ReplicaState.Orphaned, true)]
    public void The_condition_decides_except_for_what_was_lost(RestartCondition condition, ReplicaState state, bool restart) =>
        Assert.Equal(restart, RestartRule.After(new Replica { Observed = new() { State = state } }, new() { Condition = condition }).Restart);
}
