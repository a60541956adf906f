using Orchestrator.Linux.Cgroups;
using Orchestrator.Oci.Runtime;
using Orchestrator.Runtime.Planning;
using Xunit;

namespace Orchestrator.Tests.Runtime;

public sealed class CgroupSettingTests
{
    private static readonly CgroupLayout s_v1 = new(
        [.. new[] { "cpu", "cpuset", "memory", "pids", "blkio", "devices", "hugetlb", "net_cls", "net_prio", "rdma" }.Select(c => new CgroupHierarchy("/sys/fs/cgroup/" + c, [c]))], null);

    private static readonly CgroupLayout s_v2 = new([], new CgroupHierarchy("/sys/fs/cgroup", ["cpu", "cpuset", "io", "memory", "pids", "hugetlb", "rdma"]));

    private static readonly ResourcesConfig s_resources = new()
    {
        Memory = new MemoryResources { Limit = 64 << 20, Reservation = 32 << 20, Swap = 96 << 20, Kernel = 5 << 20 },
        Cpu = new CpuResources { Shares = 1024, Quota = 50_000, Period = 100_000, Burst = 20_000, Cpus = "0-1", Mems = "0" },
        Pids = new PidsResources { Limit = 100 },
        BlockIo = new BlockIoResources
        {
            Weight = 300,
            WeightDevice = [new WeightDevice { Major = 8, Minor = 0, Weight = 1000 }],
            ThrottleReadBpsDevice = [new ThrottleDevice { Major = 8, Minor = 16, Rate = 1 << 20 }],
            ThrottleWriteIOPSDevice = [new ThrottleDevice { Major = 8, Minor = 16, Rate = 0 }],
        },
        HugepageLimits = [new HugepageLimit { PageSize = "2MB", Limit = 4 << 20 }],
        Rdma = new Dictionary<string, RdmaResources> { ["mlx5_1"] = new() { HcaHandles = 3, HcaObjects = 100 } },
    };

    [Fact]
    public void Version_1_gets_its_files() => Assert.Equal(
        [
            "memory.limit_in_bytes=67108864", "memory.memsw.limit_in_bytes=100663296", "memory.soft_limit_in_bytes=33554432", "cpu.shares=1024",
            "cpu.cfs_period_us=100000", "cpu.cfs_quota_us=50000", "cpu.cfs_burst_us=20000", "cpuset.cpus=0-1", "cpuset.mems=0", "pids.max=100",
            "blkio.weight=300|blkio.bfq.weight=300", "blkio.weight_device=8:0 1000|blkio.bfq.weight_device=8:0 1000",
            "blkio.throttle.read_bps_device=8:16 1048576", "blkio.throttle.write_iops_device=8:16 0",
            "hugetlb.2MB.limit_in_bytes=4194304", "hugetlb.2MB.rsvd.limit_in_bytes=4194304", "rdma.max=mlx5_1 hca_handle=3 hca_object=100",
        ], Texts(s_resources, s_v1));

    [Fact]
    public void Version_2_gets_its_files_where_swap_is_counted_alone() => Assert.Equal(
        [
            "memory.max=67108864", "memory.swap.max=33554432", "memory.low=33554432", "cpu.weight=39", "cpu.max=50000 100000", "cpu.max.burst=20000",
            "cpuset.cpus=0-1", "cpuset.mems=0", "pids.max=100", "io.bfq.weight=300|io.weight=2930", "io.bfq.weight=8:0 1000|io.weight=8:0 10000",
            "io.max=8:16 rbps=1048576", "io.max=8:16 wiops=max", "hugetlb.2MB.max=4194304", "hugetlb.2MB.rsvd.max=4194304",
            "rdma.max=mlx5_1 hca_handle=3 hca_object=100",
        ], Texts(s_resources, s_v2));

    [Fact]
    public void No_limit_is_written_as_the_version_writes_it_and_frees_the_swap_too()
    {
        var unlimited = new ResourcesConfig { Memory = new MemoryResources { Limit = -1 }, Pids = new PidsResources { Limit = -1 } };
        Assert.Equal(["memory.limit_in_bytes=-1", "memory.memsw.limit_in_bytes=-1", "pids.max=max"], Texts(unlimited, s_v1));
        Assert.Equal(["memory.max=max", "memory.swap.max=max", "pids.max=max"], Texts(unlimited, s_v2));
    }

    [Fact]
    public void Idle_goes_without_a_weight() =>
        Assert.Equal(["cpu.idle=1"], Texts(new ResourcesConfig { Cpu = new CpuResources { Idle = 1, Shares = 512 } }, s_v2));

    [Fact]
    public void A_period_alone_has_no_quota_in_version_2() =>
        Assert.Equal(["cpu.max=max 50000"], Texts(new ResourcesConfig { Cpu = new CpuResources { Period = 50_000 } }, s_v2));

    [Fact]
    public void A_limit_that_must_not_kill_is_compared_with_the_use()
    {
        var memory = new ResourcesConfig { Memory = new MemoryResources { Limit = 1 << 20, CheckBeforeUpdate = true } };
        Assert.Equal("memory.usage_in_bytes", CgroupSetting.From(memory, s_v1)[0].NotBelow);
        Assert.Equal("memory.current", CgroupSetting.From(memory, s_v2)[0].NotBelow);
    }

    [Theory]
    [InlineData("""{"memory":{"swappiness":10}}""", "linux.resources.memory.swappiness")]
    [InlineData("""{"memory":{"disableOOMKiller":true}}""", "linux.resources.memory.disableOOMKiller")]
    [InlineData("""{"memory":{"swap":100}}""", "linux.resources.memory.swap")]
    [InlineData("""{"memory":{"limit":200,"swap":100}}""", "linux.resources.memory.swap")]
    [InlineData("""{"cpu":{"realtimeRuntime":1000}}""", "linux.resources.cpu.realtimeRuntime")]
    [InlineData("""{"network":{"classID":1}}""", "linux.resources.network.classID")]
    [InlineData("""{"unified":{"misc.max":"1"}}""", "linux.resources.unified[misc.max]")]
    [InlineData("""{"unified":{"../x":"1"}}""", "linux.resources.unified[../x]")]
    [InlineData("""{"devices":[{"allow":true,"type":"x"}]}""", "linux.resources.devices[0].type")]
    public void What_version_2_cannot_do_is_refused_by_the_fields_name(string json, string field) =>
        Assert.Equal(field, Assert.Throws<RuntimeConfigException>(() => CgroupSetting.From(ResourcesConfig.Parse(System.Text.Encoding.UTF8.GetBytes(json)), s_v2)).Field);

    [Fact]
    public void What_is_not_asked_for_needs_no_controller() => Assert.Empty(CgroupSetting.From(new ResourcesConfig(), new CgroupLayout([], null)));

    [Fact]
    public void A_missing_controller_is_refused_by_the_fields_name() =>
        Assert.Equal("linux.resources.pids.limit", Assert.Throws<RuntimeConfigException>(() => CgroupSetting.From(new ResourcesConfig { Pids = new PidsResources { Limit = 3 } }, new CgroupLayout([], null))).Field);

    [Fact]
    public void Unified_values_are_written_as_they_are() => Assert.Equal(["cgroup.max.depth=3", "memory.high=1000"],
        Texts(new ResourcesConfig { Unified = new Dictionary<string, string> { ["memory.high"] = "1000", ["cgroup.max.depth"] = "3" } }, s_v2));

    [Fact]
    public void Device_rules_are_version_1s_words_with_the_harmless_devices_behind_them()
    {
        var rules = Texts(new ResourcesConfig { Devices = [new DeviceRule { Access = "rwm" }, new DeviceRule { Allow = true, Type = "c", Major = 10, Minor = 229, Access = "rw" }] }, s_v1).ToList();
        Assert.Equal(["devices.deny=a", "devices.allow=c 10:229 rw", "devices.allow=c *:* m"], rules[..3]);
        Assert.Contains("devices.allow=c 1:3 rwm", rules);
        Assert.Contains("devices.allow=c 136:* rwm", rules);
    }

    private static IEnumerable<string> Texts(ResourcesConfig resources, CgroupLayout layout) => CgroupSetting.From(resources, layout).Select(Text);

    private static string Text(CgroupSetting setting) => $"{setting.File}={setting.Value}" + (setting.Else is { } other ? "|" + Text(other) : "");
}
