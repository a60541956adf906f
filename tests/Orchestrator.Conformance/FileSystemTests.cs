using Orchestrator.Oci.Runtime;
using Xunit;

namespace Orchestrator.Conformance;

/// <summary>What a container sees of files: its own root, what was mounted, and nothing of the host's.</summary>
public sealed class FileSystemTests
{
    [Theory, OnBoth]
    public void A_read_only_root_refuses_but_its_mounts_do_not(string runtime)
    {
        using var bundle = new Bundle(runtime);
        var result = bundle.Run("touch /x; touch /dev/shm/x && echo shm", c => c with { Root = c.Root! with { Readonly = true } });
        Assert.Contains("Read-only file system", result.Error);
        Assert.Equal("shm\n", result.Output);
    }

    [Theory, OnBoth]
    public void Masked_paths_are_empty_and_read_only_ones_cannot_be_written(string runtime)
    {
        using var bundle = new Bundle(runtime);
        var result = bundle.Run("wc -c < /proc/keys; ls /sys/firmware | wc -l; echo 1 > /proc/sys/kernel/panic || echo refused");
        Assert.Equal("0\n0\nrefused\n", result.Output);
    }

    [Theory, OnBoth]
    public void Directories_and_files_are_bound_where_nothing_was(string runtime)
    {
        using var bundle = new Bundle(runtime);
        File.WriteAllText(Path.Combine(bundle.Path, "hosts"), "here");
        Directory.CreateDirectory(Path.Combine(bundle.Path, "volume"));
        var result = bundle.Run("cat /etc/own/hosts; echo; echo x > /volume/new; touch /etc/own/hosts || echo refused", c => c with
        {
            Mounts =
            [
                .. c.Mounts,
                new MountConfig { Type = "bind", Source = Path.Combine(bundle.Path, "hosts"), Destination = "/etc/own/hosts", Options = ["bind", "ro"] },
                new MountConfig { Type = "bind", Source = Path.Combine(bundle.Path, "volume"), Destination = "/volume", Options = ["rbind"] },
            ],
        });
        Assert.Equal("here\nrefused\n", result.Output);
        Assert.True(File.Exists(Path.Combine(bundle.Path, "volume/new")));
    }

    [Theory, OnBoth]
    public void A_link_of_the_images_leads_no_mount_out_of_the_root(string runtime)
    {
        using var bundle = new Bundle(runtime);
        var outside = Directory.CreateDirectory(Path.Combine(bundle.Path, "outside")).FullName;
        File.CreateSymbolicLink(Path.Combine(bundle.Path, "rootfs/evil"), outside);
        var result = bundle.Run("echo ran", c => c with { Mounts = [.. c.Mounts, new MountConfig { Type = "tmpfs", Source = "tmpfs", Destination = "/evil/here", Options = [] }] });
        Assert.Empty(Directory.GetFileSystemEntries(outside));
        if (runtime == Bundle.Ours)
            Assert.Contains("mounts[7].destination", result.Error);
    }

    [Theory, OnBoth]
    public void A_working_directory_cannot_lead_through_an_open_descriptor(string runtime)
    {
        using var bundle = new Bundle(runtime);
        var result = bundle.Run("ls", c => c with { Process = c.Process! with { Cwd = "/proc/self/fd/5" } });
        Assert.NotEqual(0, result.ExitCode);
        if (runtime == Bundle.Ours)
            Assert.Contains("process.cwd", result.Error);
    }

    [Fact]
    public void Layers_are_stacked_and_only_the_upper_changes()
    {
        using var bundle = new Bundle();
        var layers = Directory.CreateDirectory(Path.Combine(bundle.Path, "layers")).FullName;
        foreach (var name in (string[])["top", "upper", "work"])
            Directory.CreateDirectory(Path.Combine(layers, name));
        File.WriteAllText(Path.Combine(layers, "top/greeting"), "from top");
        var overlay = new OverlayConfig { Lower = [Path.Combine(layers, "top"), Path.Combine(bundle.Path, "rootfs")], Upper = Path.Combine(layers, "upper"), Work = Path.Combine(layers, "work") };
        var mountPoint = Directory.CreateDirectory(Path.Combine(bundle.Path, "merged")).FullName;
        var result = bundle.Run("cat /greeting; echo x > /written", c => c with
        {
            Root = new RootConfig { Path = mountPoint },
            Annotations = new Dictionary<string, string> { [RuntimeAnnotations.Overlay] = overlay.ToJson() },
        });
        Assert.Equal("from top", result.Output);
        Assert.True(File.Exists(Path.Combine(layers, "upper/written")));
        Assert.False(File.Exists(Path.Combine(bundle.Path, "rootfs/written")));
        Assert.Empty(Directory.GetFileSystemEntries(mountPoint));
    }

    [Theory, OnBoth]
    public void Devices_are_the_usual_ones_and_others_cannot_be_opened(string runtime)
    {
        using var bundle = new Bundle(runtime);
        var result = bundle.Run("head -c 3 /dev/zero | wc -c; echo x > /dev/null && echo ok; mknod /tmp/disk b 254 0 && head -c 1 /tmp/disk || echo refused");
        Assert.Equal("3\nok\nrefused\n", result.Output);
    }

    [Theory, OnBoth]
    public void A_device_that_was_asked_for_is_there(string runtime)
    {
        using var bundle = new Bundle(runtime);
        var result = bundle.Run("stat -c '%a %t:%T %u' /dev/fuse", c => c with
        {
            Linux = c.Linux with { Devices = [new DeviceConfig { Path = "/dev/fuse", Major = 10, Minor = 229, FileMode = 0x180, Uid = 3 }] },
        });
        Assert.Equal("600 a:e5 3\n", result.Output);
    }

    [Theory, OnBoth]
    public void A_sysctl_is_set_in_the_containers_namespace_alone(string runtime)
    {
        using var bundle = new Bundle(runtime);
        var before = File.ReadAllText("/proc/sys/net/ipv4/ip_default_ttl");
        var result = bundle.Run("cat /proc/sys/net/ipv4/ip_default_ttl", c => c with { Linux = c.Linux with { Sysctl = new Dictionary<string, string> { ["net.ipv4.ip_default_ttl"] = "33" } } });
        Assert.Equal("33\n", result.Output);
        Assert.Equal(before, File.ReadAllText("/proc/sys/net/ipv4/ip_default_ttl"));
    }
}
