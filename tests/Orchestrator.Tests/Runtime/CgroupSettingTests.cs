using Orchestrator.Linux.Cgroups;
using Orchestrator.Oci.Runtime;
using Orchestrator.Runtime.Planning;
using Xunit;

namespace Orchestrator.Tests.Runtime;

public sealed class CgroupSettingTests
{
    private static readonly CgroupLayout s_v1 = new(
        [.. new[] { "cpu", "cpuset", "memory", "pids", "blkio", "devices" }.Select(c => new CgroupHierarchy("/sys/fs/cgroup/" + c, [c]))], null);

    private static readonly CgroupLayout s_v2 = new([], new CgroupHierarchy("/sys/fs/cgroup", ["cpu", "cpuset", "io", "memory", "pids"]));

    private static readonly ResourcesConfig s_resources = new()
    {
        Memory = new MemoryResources { Limit = 64 << 20, Reservation = 32 << 20, Swap = 96 << 20 },
        Cpu = new CpuResources { Shares = 1024, Quota = 50_000, Period = 100_000, Cpus = "0-1" },
        Pids = new PidsResources { Limit = 100 },
        BlockIo = new BlockIoResources { Weight = 300 },
    };

    [Fact]
    public void Version_1_gets_its_files() => Assert.Equal(
        [
            "memory.limit_in_bytes=67108864", "memory.soft_limit_in_bytes=33554432", "memory.memsw.limit_in_bytes=100663296", "cpu.shares=1024",
            "cpu.cfs_period_us=100000", "cpu.cfs_quota_us=50000", "cpuset.cpus=0-1", "pids.max=100", "blkio.weight=300",
        ], Files(s_v1));

    [Fact]
    public void Version_2_gets_its_files_where_swap_is_counted_alone() => Assert.Equal(
        [
            "memory.max=67108864", "memory.low=33554432", "memory.swap.max=33554432", "cpu.weight=39", "cpu.max=50000 100000", "cpuset.cpus=0-1",
            "pids.max=100", "io.weight=300",
        ], Files(s_v2));

    [Fact]
    public void No_limit_is_written_as_the_version_writes_it()
    {
        var unlimited = new ResourcesConfig { Memory = new MemoryResources { Limit = -1 }, Pids = new PidsResources { Limit = -1 } };
        Assert.Equal(["memory.limit_in_bytes=-1", "pids.max=max"], CgroupSetting.From(unlimited, s_v1).Select(Text));
        Assert.Equal(["memory.max=max", "pids.max=max"], CgroupSetting.From(unlimited, s_v2).Select(Text));
    }

    [Fact]
    public void Device_rules_are_version_1s_words()
    {
        var rules = CgroupSetting.From(new ResourcesConfig { Devices = DefaultProfile.DeviceRules }, s_v1).Select(Text).ToList();
        Assert.Equal("devices.deny=a", rules[0]);
        Assert.Contains("devices.allow=c 1:3 rwm", rules);
        Assert.Contains("devices.allow=c 136:* rwm", rules);
    }

    private static IEnumerable<string> Files(CgroupLayout layout) => CgroupSetting.From(s_resources, layout).Select(Text);

    private static string Text(CgroupSetting setting) => $"{setting.File}={setting.Value}";
}
