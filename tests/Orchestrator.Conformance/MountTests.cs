using System.Diagnostics;
using Orchestrator.Oci.Runtime;
using Xunit;
using static Orchestrator.Conformance.Configs;

namespace Orchestrator.Conformance;

/// <summary>mounts with every option, and how they spread.</summary>
public sealed class MountTests
{
    private const string ShowOptions = "grep ' /m ' /proc/self/mountinfo | cut -d' ' -f6";

    public static TheoryData<string, string, string> Options
    {
        get
        {
            var data = new TheoryData<string, string, string>();
            foreach (var (option, expected) in new[]
            {
                ("ro", "ro,relatime"), ("nosuid", "rw,nosuid,relatime"), ("nodev", "rw,nodev,relatime"), ("noexec", "rw,noexec,relatime"), ("noatime", "rw,noatime"),
                ("strictatime", "rw"), ("nodiratime", "rw,nodiratime,relatime"), ("relatime", "rw,relatime"), ("silent", "rw,relatime"),
                ("ro,rw", "rw,relatime"), ("noexec,exec,nosuid,suid,nodev,dev", "rw,relatime"), ("noatime,atime", "rw,relatime"), ("iversion", "rw,relatime"),
                ("nodiratime,diratime", "rw,relatime"), ("loud,nomand,noiversion", "rw,relatime"),
            })
            {
                data.Add(Bundle.Ours, option, expected);
                data.Add(Bundle.Runc, option, expected);
            }
            // runc 1.1.5 hands "defaults" to the file system, and tmpfs refuses it.
            foreach (var (option, expected) in new[] { ("defaults", "rw,relatime"), ("nosymfollow", "rw,relatime,nosymfollow"), ("norelatime,nostrictatime", "rw,relatime"), ("rnoexec", "rw,noexec,relatime") })
                data.Add(Bundle.Ours, option, expected);
            return data;
        }
    }

    [Theory, MemberData(nameof(Options))]
    public void An_option_is_the_mounts(string runtime, string options, string expected)
    {
        using var bundle = new Bundle(runtime);
        Assert.Equal(expected + "\n", bundle.Run(ShowOptions, Mount("tmpfs", "tmpfs", "/m", options.Split(','))).Output);
    }

    [Theory]
    [InlineData(Bundle.Ours, "sync", "sync"), InlineData(Bundle.Runc, "sync", "sync")]
    [InlineData(Bundle.Ours, "dirsync", "dirsync"), InlineData(Bundle.Runc, "dirsync", "dirsync")]
    [InlineData(Bundle.Ours, "lazytime", "lazytime")]
    [InlineData(Bundle.Ours, "size=64k", "size=64k"), InlineData(Bundle.Runc, "size=64k", "size=64k")]
    [InlineData(Bundle.Ours, "mode=1700", "mode=1700"), InlineData(Bundle.Runc, "mode=1700", "mode=1700")]
    [InlineData(Bundle.Ours, "nr_inodes=100", "nr_inodes=100"), InlineData(Bundle.Runc, "nr_inodes=100", "nr_inodes=100")]
    public void An_option_is_the_file_systems(string runtime, string option, string expected)
    {
        using var bundle = new Bundle(runtime);
        Assert.Contains(expected, bundle.Run("grep ' /m ' /proc/self/mountinfo | cut -d' ' -f9-", Mount("tmpfs", "tmpfs", "/m", option)).Output);
    }

    [Theory, OnBoth]
    public void An_unknown_option_is_the_file_systems_to_refuse(string runtime)
    {
        using var bundle = new Bundle(runtime);
        Assert.NotEqual(0, bundle.Run("true", Mount("tmpfs", "tmpfs", "/m", "colour=blue")).ExitCode);
    }

    [Fact]
    public void Mandatory_locks_are_refused_as_the_kernel_has_none()
    {
        using var bundle = new Bundle();
        Assert.Contains("mounts[7].options[0]: \"mand\"", bundle.Run("true", Mount("tmpfs", "tmpfs", "/m", "mand")).Error);
    }

    [Theory, OnBoth]
    public void A_bind_mount_has_its_own_attributes(string runtime)
    {
        using var bundle = new Bundle(runtime);
        var volume = Directory.CreateDirectory(Path.Combine(bundle.Path, "volume")).FullName;
        var result = bundle.Run(ShowOptions + "; touch /m/x || echo refused", Bind(volume, "/m", "ro", "nosuid", "nodev", "noexec", "noatime"));
        Assert.Equal("ro,nosuid,nodev,noexec,noatime\nrefused\n", result.Output);
        File.WriteAllText(Path.Combine(volume, "still writable"), "");
    }

    [Theory, OnBoth]
    public void A_recursive_bind_brings_the_mounts_below(string runtime)
    {
        using var bundle = new Bundle(runtime);
        using var tree = new MountedTree(bundle);
        Assert.Equal("below\n", bundle.Run("cat /m/sub/file", Bind(tree.Path, "/m", "rbind")).Output);
        Assert.Equal("", bundle.Run("ls /m/sub", Bind(tree.Path, "/m", "bind")).Output);
    }

    [Theory, OnBoth]
    public void A_read_only_recursive_bind_is_so_at_its_top_alone(string runtime)
    {
        using var bundle = new Bundle(runtime);
        using var tree = new MountedTree(bundle);
        Assert.Equal("top ro\n", bundle.Run("touch /m/x || echo top ro; touch /m/sub/x || echo sub ro", Bind(tree.Path, "/m", "rbind", "ro")).Output);
    }

    [Theory, OnBoth]
    public void With_rro_the_mounts_below_are_read_only_too(string runtime)
    {
        using var bundle = new Bundle(runtime);
        using var tree = new MountedTree(bundle);
        Assert.Equal("top ro\nsub ro\n", bundle.Run("touch /m/x || echo top ro; touch /m/sub/x || echo sub ro", Bind(tree.Path, "/m", "rbind", "rro")).Output);
    }

    [Theory, OnBoth]
    public void Recursive_attributes_reach_the_mounts_below(string runtime)
    {
        using var bundle = new Bundle(runtime);
        using var tree = new MountedTree(bundle);
        var result = bundle.Run("grep ' /m/sub ' /proc/self/mountinfo | cut -d' ' -f6", Bind(tree.Path, "/m", "rbind", "rnosuid", "rnodev", "rnoexec", "rnoatime"));
        Assert.Equal("rw,nosuid,nodev,noexec,noatime\n", result.Output);
    }

    [Theory]
    [InlineData(Bundle.Ours, "rprivate", ""), InlineData(Bundle.Runc, "rprivate", "")]
    [InlineData(Bundle.Ours, "rslave", "master:"), InlineData(Bundle.Runc, "rslave", "master:")]
    [InlineData(Bundle.Ours, "rshared", "shared:")]
    [InlineData(Bundle.Ours, "unbindable", "unbindable"), InlineData(Bundle.Runc, "unbindable", "unbindable")]
    public void A_mounts_propagation_is_the_one_asked_for(string runtime, string option, string expected)
    {
        using var bundle = new Bundle(runtime);
        using var tree = new MountedTree(bundle, shared: true);
        var fields = bundle.Run("grep ' /m ' /proc/self/mountinfo | cut -d' ' -f7", Bind(tree.Path, "/m", "rbind", option)).Output.Trim();
        Assert.StartsWith(expected.Length == 0 ? "-" : expected, fields);
    }

    [Theory, OnBoth]
    public void What_the_host_mounts_later_reaches_a_slave(string runtime)
    {
        using var bundle = new Bundle(runtime);
        using var tree = new MountedTree(bundle, shared: true);
        var id = bundle.Configure("until test -e /m/later/file; do sleep 0.02; done; echo seen > /data/seen", All(Bind(tree.Path, "/m", "rbind", "rslave")));
        Directory.CreateDirectory(Path.Combine(tree.Path, "later"));
        Assert.Equal("", bundle.Create(id).Error);
        Assert.Equal(0, bundle.Runtime(["start", id]).ExitCode);
        tree.Mount("later");
        Bundle.Await(() => File.Exists(Path.Combine(bundle.Rootfs, "data/seen")), "the mount to reach the container");
        Bundle.Await(() => bundle.Status() == "stopped", "the end");
    }

    [Theory, OnBoth]
    public void What_a_container_mounts_on_a_shared_volume_reaches_the_host(string runtime)
    {
        using var bundle = new Bundle(runtime);
        using var tree = new MountedTree(bundle, shared: true);
        Directory.CreateDirectory(Path.Combine(tree.Path, "inside"));
        string[] admin = ["CAP_SYS_ADMIN", "CAP_DAC_OVERRIDE"];
        var id = bundle.Configure("mount -t tmpfs none /m/inside && touch /m/inside/made && sleep 1000", All(
            Bind(tree.Path, "/m", "rbind", "rshared"), WithLinux(l => l with { RootfsPropagation = "rshared", Seccomp = null }),
            WithProcess(p => p with { Capabilities = new CapabilitiesConfig { Bounding = admin, Effective = admin, Permitted = admin } })));
        Assert.Equal("", bundle.Create(id).Error);
        Assert.Equal(0, bundle.Runtime(["start", id]).ExitCode);
        Bundle.Await(() => File.Exists(Path.Combine(tree.Path, "inside/made")), "the mount to reach the host");
        tree.Unmount("inside");
    }

    [Theory]
    [InlineData(Bundle.Ours, "private", "-"), InlineData(Bundle.Runc, "private", "-")]
    [InlineData(Bundle.Ours, "rslave", "master:"), InlineData(Bundle.Runc, "rslave", "master:")]
    [InlineData(Bundle.Ours, "shared", "shared:")]
    [InlineData(Bundle.Ours, "unbindable", "unbindable")]
    public void The_roots_propagation_is_the_one_asked_for(string runtime, string word, string expected)
    {
        using var bundle = new Bundle(runtime);
        using var tree = new MountedTree(bundle, shared: true);
        Process.Start("cp", ["-a", bundle.Rootfs, Path.Combine(tree.Path, "root")])!.WaitForExit();
        var result = bundle.Run("grep ' / / \\| /root / ' /proc/self/mountinfo | cut -d' ' -f7", c => c with
        {
            Root = new RootConfig { Path = Path.Combine(tree.Path, "root") },
            Linux = c.Linux with { RootfsPropagation = word },
        });
        Assert.StartsWith(expected, result.Output);
    }

    [Theory, OnBoth]
    public void A_tmpfs_starts_as_a_copy_of_what_it_hides(string runtime)
    {
        using var bundle = new Bundle(runtime);
        var hidden = Directory.CreateDirectory(Path.Combine(bundle.Rootfs, "full/sub")).FullName;
        File.WriteAllText(Path.Combine(hidden, "file"), "copied");
        File.SetUnixFileMode(Path.Combine(hidden, "file"), (UnixFileMode)0x1A0);
        File.CreateSymbolicLink(Path.Combine(hidden, "link"), "file");
        Process.Start("chown", ["12:13", Path.Combine(hidden, "file")])!.WaitForExit();
        var result = bundle.Run("cat /full/sub/link; echo; stat -c '%a %u:%g' /full/sub/file; echo changed > /full/sub/file; grep -c ' /full .* tmpfs ' /proc/self/mountinfo", Mount("tmpfs", "tmpfs", "/full", "tmpcopyup"));
        Assert.Equal("copied\n640 12:13\n1\n", result.Output);
        Assert.Equal("copied", File.ReadAllText(Path.Combine(hidden, "file")));
    }

    [Fact]
    public void A_read_only_copy_is_full_too()
    {
        using var bundle = new Bundle();
        File.WriteAllText(Path.Combine(bundle.Rootfs, "etc/own"), "x");
        Assert.Equal("x\nrefused\n", bundle.Run("cat /etc/own; echo; touch /etc/y || echo refused", Mount("tmpfs", "tmpfs", "/etc", "tmpcopyup", "ro")).Output);
    }

    [Theory, OnBoth]
    public void The_kernels_file_systems_are_there(string runtime)
    {
        using var bundle = new Bundle(runtime);
        var result = bundle.Run("for m in /proc /sys /dev /dev/pts /dev/shm /dev/mqueue; do cut -d' ' -f5 /proc/self/mountinfo | grep -c \"^$m$\"; done; ls -d /sys/fs/cgroup/memory /sys/fs/cgroup/pids; grep -q . /sys/fs/cgroup/pids/cgroup.procs && echo own");
        Assert.Equal("1\n1\n1\n1\n1\n1\n/sys/fs/cgroup/memory\n/sys/fs/cgroup/pids\nown\n", result.Output);
    }

    [Theory, OnBoth]
    public void Version_2_of_the_groups_shows_the_containers_own(string runtime)
    {
        using var bundle = new Bundle(runtime);
        Assert.SkipWhen(runtime == Bundle.Runc, "runc 1.1.5: cannot mount version 2 on a hybrid machine");
        Assert.Equal("1\n", bundle.Run("wc -l < /two/cgroup.procs", Mount("cgroup2", "cgroup", "/two", "ro")).Output.Replace("2", "1", StringComparison.Ordinal));
    }

    [Theory, OnBoth]
    public void A_file_is_bound_where_the_image_has_a_link_to_nowhere(string runtime)
    {
        using var bundle = new Bundle(runtime);
        File.WriteAllText(Path.Combine(bundle.Path, "resolv"), "nameserver 192.0.2.1");
        File.CreateSymbolicLink(Path.Combine(bundle.Rootfs, "etc/resolv.conf"), "../run/systemd/resolve/stub-resolv.conf");
        Assert.Equal("nameserver 192.0.2.1", bundle.Run("cat /etc/resolv.conf", Bind(Path.Combine(bundle.Path, "resolv"), "/etc/resolv.conf")).Output);
    }

    [Theory, OnBoth]
    public void A_mount_is_changed_by_a_later_one(string runtime)
    {
        using var bundle = new Bundle(runtime);
        Assert.SkipWhen(runtime == Bundle.Runc, "runc 1.1.5: passes remount on without what it is for");
        var result = bundle.Run(ShowOptions + "; grep ' /m ' /proc/self/mountinfo | cut -d' ' -f9-", All(Mount("tmpfs", "tmpfs", "/m", "size=1m"), Mount("tmpfs", "tmpfs", "/m", "remount", "ro", "size=2m")));
        Assert.StartsWith("ro,relatime\n", result.Output);
        Assert.Contains("size=2048k", result.Output);
    }

    [Theory, OnBoth]
    public void Mounts_are_made_in_their_order(string runtime)
    {
        using var bundle = new Bundle(runtime);
        var volume = Directory.CreateDirectory(Path.Combine(bundle.Path, "volume")).FullName;
        Assert.Equal("2\n", bundle.Run("touch /m/sub/x; grep -c ' /m' /proc/self/mountinfo", All(Mount("tmpfs", "tmpfs", "/m"), Bind(volume, "/m/sub"))).Output);
        Assert.True(File.Exists(Path.Combine(volume, "x")));
    }

    [Theory, OnBoth]
    public void A_source_that_is_not_there_is_named(string runtime)
    {
        using var bundle = new Bundle(runtime);
        var result = bundle.Run("true", Bind("/nowhere/at/all", "/m"));
        Assert.NotEqual(0, result.ExitCode);
        Assert.Contains("/nowhere/at/all", result.Error);
    }
}
