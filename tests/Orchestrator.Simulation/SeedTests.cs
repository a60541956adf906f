using Orchestrator.Simulation.Running;
using Xunit;

namespace Orchestrator.Simulation;

public sealed class SeedTests
{
    private const int Seeds = 1000, TailLines = 80;

    [Fact]
    public void Everything_holds_whatever_happens()
    {
        var failed = Sweep.Of(1, Seeds, () => new Rules(), stopsAtFailure: true).FirstOrDefault(o => o.Failure is not null);
        if (failed is not null)
            Assert.Fail(Sweep.Explain(failed, () => new Rules(), TailLines));
    }

    [Fact]
    public void A_seed_is_one_story()
    {
        var (first, second) = (SimulationRun.Of(7, new Rules(), traces: true), SimulationRun.Of(7, new Rules(), traces: true));
        Assert.Equal(first.Trace, second.Trace);
        Assert.Equal(SimulationRun.Of(7, new Rules(), traces: false).Changes, first.Changes);
    }
}
