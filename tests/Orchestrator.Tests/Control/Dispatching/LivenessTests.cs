using Orchestrator.Control.Dispatching;
using Xunit;

namespace Orchestrator.Tests.Control.Dispatching;

public sealed class LivenessTests
{
    private readonly ManualTime _time = new();

    [Fact]
    public void A_node_is_silent_after_three_seconds_without_a_heartbeat()
    {
        var liveness = new Liveness(HeartbeatRule.Default, _time, []);
        liveness.Hear("a");
        Assert.Empty(LookAfter(liveness, 3000));
        Assert.Equal(["a"], LookAfter(liveness, 1));
        liveness.Hear("a");
        Assert.Empty(LookAfter(liveness, 1));
        Assert.True(liveness.IsAlive("a"));
    }

    [Fact]
    public void A_node_not_heard_yet_has_twice_the_time_after_a_leader_change()
    {
        var liveness = new Liveness(HeartbeatRule.Default, _time, ["a", "b"]);
        liveness.Hear("b");
        Assert.Equal(["b"], LookAfter(liveness, 3001));
        Assert.Equal(["b"], LookAfter(liveness, 2999));
        Assert.Equal(["a", "b"], LookAfter(liveness, 1).Order());
    }

    [Fact]
    public void A_server_that_was_paused_gives_everybody_new_time()
    {
        var liveness = new Liveness(HeartbeatRule.Default, _time, []);
        liveness.Hear("a");
        Assert.Empty(liveness.Silent());
        _time.Advance(TimeSpan.FromMinutes(5));
        Assert.Empty(liveness.Silent());
        Assert.False(liveness.IsAlive("a"));
        Assert.Empty(LookAfter(liveness, 6000));
        Assert.Equal(["a"], LookAfter(liveness, 1));
    }

    private IReadOnlyList<string> LookAfter(Liveness liveness, int milliseconds)
    {
        for (var passed = 0; passed < milliseconds; passed += 200)
        {
            _time.Advance(TimeSpan.FromMilliseconds(Math.Min(200, milliseconds - passed)));
            liveness.Silent();
        }
        return liveness.Silent();
    }
}
