using Orchestrator.Simulation.Bugs;
using Orchestrator.Simulation.Running;
using Xunit;

namespace Orchestrator.Simulation;

/// <summary>A simulator that finds nothing proves nothing.</summary>
public sealed class PlantedBugTests
{
    private const int Seeds = 200;

    public static TheoryData<string> Bugs => [.. PlantedBugs.All.Keys];

    [Theory]
    [MemberData(nameof(Bugs))]
    public void A_planted_bug_is_found(string bug)
    {
        var found = Sweep.Of(1, Seeds, PlantedBugs.All[bug], stopsAtFailure: true).FirstOrDefault(o => o.Failure is not null);
        Assert.NotNull(found);
        TestContext.Current.TestOutputHelper?.WriteLine($"seed {found.Seed}: {found.Failure}");
    }
}
