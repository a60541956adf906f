using Orchestrator.Linux;
using Orchestrator.Linux.Cgroups;
using Xunit;

namespace Orchestrator.Tests.Linux;

public sealed class SignalsTests
{
    [Theory]
    [InlineData("SIGTERM", 15)]
    [InlineData("kill", 9)]
    [InlineData("1", 1)]
    [InlineData("SIGRTMIN+3", 37)]
    [InlineData("RTMAX-1", 63)]
    public void A_signal_is_found_by_each_of_its_names(string text, int number)
    {
        Assert.True(Signals.TryParse(text, out var signal));
        Assert.Equal(number, signal);
    }

    [Theory]
    [InlineData("")]
    [InlineData("0")]
    [InlineData("65")]
    [InlineData("SIGFOO")]
    [InlineData("RTMIN-1")]
    [InlineData("-9")]
    public void What_is_no_signal_is_refused(string text) => Assert.False(Signals.TryParse(text, out _));
}

public sealed class CgroupLayoutTests
{
    [Fact]
    public void A_hybrid_machine_has_each_controller_once()
    {
        string[] mountinfo =
        [
            "30 24 0:26 / /sys/fs/cgroup/cpu,cpuacct rw,relatime - cgroup cgroup rw,cpu,cpuacct",
            "31 24 0:27 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory",
            "32 24 0:28 / /sys/fs/cgroup/systemd rw,relatime - cgroup cgroup rw,xattr,name=systemd",
            "33 24 0:29 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup rw,nsdelegate",
            "34 24 8:1 / /with\\040space rw,relatime shared:1 - ext4 /dev/sda1 rw",
        ];
        var mounts = mountinfo.Select(Mounts.Parse).ToList();
        var layout = CgroupLayout.Parse(mounts, "hugetlb\n");
        Assert.Equal("/with space", mounts[4].Path);
        Assert.Equal(["cpu,cpuacct", "memory", "name=systemd"], layout.V1.Select(h => string.Join(',', h.Controllers)));
        Assert.Equal("/sys/fs/cgroup/memory/a/b", layout.Find("memory")!.Value.Hierarchy.Directory("/a/b"));
        Assert.True(layout.Find("hugetlb")!.Value.IsUnified);
        Assert.Null(layout.Find("pids"));
    }
}
