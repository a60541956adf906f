using Orchestrator.Oci.Runtime;
using Orchestrator.Runtime.Containers;
using Xunit;

namespace Orchestrator.Tests.Runtime;

public sealed class ResourceChangeTests
{
    private static readonly ResourcesConfig s_before = new()
    {
        Memory = new MemoryResources { Limit = 100, Swap = 200 },
        Cpu = new CpuResources { Quota = 50_000, Period = 100_000, Cpus = "0" },
        Pids = new PidsResources { Limit = 5 },
    };

    [Fact]
    public void What_is_named_replaces_and_the_rest_stays()
    {
        var merged = ResourceChange.Merge(s_before, new ResourcesConfig { Cpu = new CpuResources { Quota = 20_000, Cpus = "" }, Memory = new MemoryResources { Limit = 150, Swap = 0 } });
        Assert.Equal(new CpuResources { Quota = 20_000, Period = 100_000, Cpus = "0" }, merged.Cpu);
        Assert.Equal(new MemoryResources { Limit = 150, Swap = 200 }, merged.Memory);
        Assert.Equal(5, merged.Pids!.Limit);
    }

    [Fact]
    public void Only_the_kinds_that_are_named_are_written()
    {
        var change = new ResourcesConfig { Memory = new MemoryResources { Limit = 150 } };
        var named = ResourceChange.Named(ResourceChange.Merge(s_before, change), change);
        Assert.Equal(200, named.Memory!.Swap);
        Assert.Null(named.Cpu);
        Assert.Null(named.Pids);
    }

    [Fact]
    public void Swap_follows_memory_into_infinity() =>
        Assert.Equal(-1, ResourceChange.Merge(s_before, new ResourcesConfig { Memory = new MemoryResources { Limit = -1 } }).Memory!.Swap);
}
