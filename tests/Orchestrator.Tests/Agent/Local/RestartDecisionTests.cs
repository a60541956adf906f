using Orchestrator.Agent.Local;
using Orchestrator.Model;
using Xunit;

namespace Orchestrator.Tests.Agent.Local;

public sealed class RestartDecisionTests
{
    [Theory]
    [InlineData(LocalRestartPolicy.Never, 0, true, 1, 0, false)]
    [InlineData(LocalRestartPolicy.Always, 0, true, 0, 9, true)]
    [InlineData(LocalRestartPolicy.UnlessStopped, 0, true, 0, 9, true)]
    [InlineData(LocalRestartPolicy.Always, 0, false, 1, 0, false)]
    [InlineData(LocalRestartPolicy.OnFailed, 0, true, 0, 0, false)]
    [InlineData(LocalRestartPolicy.OnFailed, 0, true, 1, 99, true)]
    [InlineData(LocalRestartPolicy.OnFailed, 2, true, 1, 1, true)]
    [InlineData(LocalRestartPolicy.OnFailed, 2, true, 1, 2, false)]
    public void A_policy_says_whether(LocalRestartPolicy policy, int attempts, bool wanted, int exitCode, int restarts, bool expected) =>
        Assert.Equal(expected, RestartDecision.Restarts(new LocalRestart { Policy = policy, Attempts = attempts }, wanted, exitCode, restarts));

    [Fact]
    public void When_an_agent_begins_always_forgets_a_stop_and_unless_stopped_does_not()
    {
        Assert.True(RestartDecision.RestartsAtBegin(new LocalRestart { Policy = LocalRestartPolicy.Always }, wanted: false, 0, 0));
        Assert.False(RestartDecision.RestartsAtBegin(new LocalRestart { Policy = LocalRestartPolicy.UnlessStopped }, wanted: false, 0, 0));
        Assert.True(RestartDecision.RestartsAtBegin(new LocalRestart { Policy = LocalRestartPolicy.UnlessStopped }, wanted: true, 0, 0));
    }

    [Fact]
    public void The_wait_doubles_up_to_a_minute_and_begins_anew_after_a_good_run()
    {
        var wait = TimeSpan.Zero;
        var waits = Enumerable.Range(0, 12).Select(_ => wait = RestartDecision.Wait(wait, TimeSpan.FromSeconds(1))).Select(w => w.TotalMilliseconds).ToList();
        Assert.Equal([100, 200, 400, 800, 1600, 3200, 6400, 12800, 25600, 51200, 60000, 60000], waits);
        Assert.Equal(TimeSpan.FromMilliseconds(100), RestartDecision.Wait(wait, TimeSpan.FromSeconds(11)));
    }
}
