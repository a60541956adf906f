using System.Net;
using Orchestrator.Agent;
using Xunit;

namespace Orchestrator.Tests.Agent;

public sealed class MachineTests
{
    private const long MiB = 1 << 20;

    private static AgentOptions Options { get; } = new() { DataDirectory = "d", RunDirectory = "r", RuntimePath = "p", Address = IPAddress.Loopback, Hostname = "h" };

    [Fact]
    public void A_machine_keeps_some_of_its_memory_for_itself()
    {
        var (all, announced) = (Machine.MemoryBytes(), Machine.Describe(Options));
        Assert.Equal((all - Machine.Reserve(all), Machine.Reserve(all)), (announced.MemoryBytes, announced.ReservedMemoryBytes));
        Assert.Equal((Environment.ProcessorCount * 1_000_000_000L, 0L), (announced.NanoCpus, announced.ReservedNanoCpus));
        Assert.Equal([128 * MiB, 200 * MiB, 1024 * MiB], new[] { 512, 4000, 65536 }.Select(m => Machine.Reserve(m * MiB)));
    }

    [Fact]
    public void What_may_be_given_away_is_as_it_is_said()
    {
        Assert.Equal((100 * MiB, 0L), Memory(Options with { MemoryBytes = 100 * MiB }));
        Assert.Equal((60 * MiB, 40 * MiB), Memory(Options with { MemoryBytes = 100 * MiB, ReservedMemoryBytes = 40 * MiB }));
        Assert.Equal((0L, 100 * MiB), Memory(Options with { MemoryBytes = 100 * MiB, ReservedMemoryBytes = 400 * MiB }));
        Assert.Equal((Machine.MemoryBytes(), 0L), Memory(Options with { ReservedMemoryBytes = 0 }));
        var described = Machine.Describe(Options with { NanoCpus = 2_000_000_000, ReservedNanoCpus = 500_000_000, Resources = new Dictionary<string, long> { ["gpu"] = 2 } });
        Assert.Equal((1_500_000_000, 500_000_000, 2), (described.NanoCpus, described.ReservedNanoCpus, described.GenericResources["gpu"]));
    }

    private static (long, long) Memory(AgentOptions options) => Machine.Describe(options) is var d ? (d.MemoryBytes, d.ReservedMemoryBytes) : default;
}
