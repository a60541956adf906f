using System.Diagnostics;
using Orchestrator.Oci.Runtime;
using Xunit;
using static Orchestrator.Conformance.Configs;

namespace Orchestrator.Conformance;

/// <summary>Containers whose root is nobody on the host.</summary>
public sealed class UserNamespaceTests
{
    [Theory, OnBoth]
    public void Root_inside_is_somebody_else_outside(string runtime)
    {
        using var bundle = Mapped(runtime);
        var result = bundle.Run("id -u; tr -s ' ' < /proc/self/uid_map; tr -s ' ' < /proc/self/gid_map; touch /data/made; hostname", UserNamespace());
        Assert.Equal("0\n 0 100000 65536\n 0 100000 65536\ncontainer\n", result.Output);
        Assert.Equal("100000 100000\n", Stat(Path.Combine(bundle.Rootfs, "data/made")));
    }

    [Theory, OnBoth]
    public void Users_and_groups_are_those_of_the_namespace(string runtime)
    {
        using var bundle = Mapped(runtime);
        var result = bundle.Run("id -u; id -g; id -G; echo x > /tmp/mine", All(UserNamespace(), WithProcess(p => p with { User = new UserConfig { Uid = 7, Gid = 8, AdditionalGids = [8, 9] } })));
        Assert.Equal("7\n8\n8 9\n", result.Output);
        Assert.Equal("100007 100008\n", Stat(Path.Combine(bundle.Rootfs, "tmp/mine")));
    }

    [Theory, OnBoth]
    public void The_default_devices_work_and_no_other_can_be_made(string runtime)
    {
        using var bundle = Mapped(runtime);
        var result = bundle.Run("head -c 2 /dev/zero | wc -c; echo x > /dev/null && echo ok; mknod /tmp/mem c 1 1 || echo refused; ls -l /dev/fd | wc -l", All(UserNamespace(), c => c with { Linux = c.Linux with { Seccomp = null } }));
        Assert.Equal("2\nok\nrefused\n1\n", result.Output);
    }

    [Theory, OnBoth]
    public void A_device_of_the_hosts_is_bound(string runtime)
    {
        using var bundle = Mapped(runtime);
        Assert.Equal("a:e5\n", bundle.Run("stat -c %t:%T /dev/fuse", All(UserNamespace(), WithLinux(l => l with { Devices = [new DeviceConfig { Path = "/dev/fuse", Major = 10, Minor = 229 }] }))).Output);
    }

    [Theory, OnBoth]
    public void Its_root_has_no_rights_on_the_host(string runtime)
    {
        using var bundle = Mapped(runtime);
        var all = new[] { "CAP_SYS_ADMIN", "CAP_DAC_OVERRIDE", "CAP_SYS_TIME", "CAP_SYS_BOOT", "CAP_MKNOD", "CAP_CHOWN" };
        File.WriteAllText(Path.Combine(bundle.Path, "secret"), "for root");
        File.SetUnixFileMode(Path.Combine(bundle.Path, "secret"), UnixFileMode.UserRead);
        var result = bundle.Run("cat /secret || echo unread; date -s @$(date +%s) 2>&1 | grep -q \"can't set\" && echo no clock; mount -t tmpfs none /tmp && echo own mounts; grep CapEff /proc/self/status",
            All(UserNamespace(), Bind(Path.Combine(bundle.Path, "secret"), "/secret"), WithProcess(p => p with { Capabilities = new CapabilitiesConfig { Bounding = all, Effective = all, Permitted = all } }), WithLinux(l => l with { Seccomp = null })));
        Assert.Contains("unread\n", result.Output);
        Assert.Contains("no clock\n", result.Output);
        Assert.Contains("own mounts\n", result.Output);
    }

    [Theory, OnBoth]
    public void A_bind_mounts_source_may_be_behind_a_door_that_only_the_hosts_root_opens(string runtime)
    {
        using var bundle = Mapped(runtime);
        var closed = Directory.CreateDirectory(Path.Combine(bundle.Path, "closed")).FullName;
        Directory.CreateDirectory(Path.Combine(closed, "open"));
        File.WriteAllText(Path.Combine(closed, "open/file"), "reached");
        File.SetUnixFileMode(closed, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        Assert.Equal("reached", bundle.Run("cat /here/file", All(UserNamespace(), Bind(Path.Combine(closed, "open"), "/here"))).Output);
    }

    [Fact]
    public void The_bundle_may_be_behind_such_a_door_too()
    {
        using var bundle = Mapped(Bundle.Ours);
        File.SetUnixFileMode(bundle.Path, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        Assert.Equal("0\n", bundle.Run("id -u", UserNamespace()).Output);
    }

    [Theory, OnBoth]
    public void Masked_and_read_only_paths_and_a_read_only_root_hold(string runtime)
    {
        using var bundle = Mapped(runtime);
        var result = bundle.Run("wc -c < /proc/keys; echo 1 > /proc/sys/kernel/panic || echo refused; touch /x || echo ro", All(UserNamespace(), c => c with { Root = c.Root! with { Readonly = true } }));
        Assert.Equal("0\nrefused\nro\n", result.Output);
    }

    [Theory, OnBoth]
    public void A_joined_network_of_the_hosts_is_joined_before_rights_are_gone(string runtime)
    {
        using var bundle = Mapped(runtime);
        using var other = new Holder("--net");
        var sysfs = new Func<RuntimeConfig, RuntimeConfig>(c => c with { Mounts = [.. c.Mounts.Where(m => m.Type != "sysfs" && m.Type != "cgroup")] });
        var result = bundle.Run("readlink /proc/self/ns/net; id -u", All(UserNamespace(), Namespace("network", other.Path("net")), sysfs));
        Assert.Equal($"{new FileInfo(other.Path("net")).LinkTarget}\n0\n", result.Output);
    }

    [Theory, OnBoth(RuncLacks = "passes over maps without a namespace")]
    public void Maps_need_the_namespace(string runtime)
    {
        using var bundle = new Bundle(runtime);
        var result = bundle.Run("true", All(UserNamespace(), Without("user")));
        Assert.NotEqual(0, result.ExitCode);
    }

    [Theory, OnBoth]
    public void A_command_joins_it(string runtime)
    {
        using var bundle = Mapped(runtime);
        var id = bundle.Configure("sleep 1000; true", UserNamespace());
        Assert.Equal("", bundle.Create(id).Error);
        Assert.Equal(0, bundle.Runtime(["start", id]).ExitCode);
        var result = bundle.Exec(id, "sh", "-c", "id -u; tr -s ' ' < /proc/self/uid_map; touch /data/made; echo $$ > /dev/null; cat /proc/1/cmdline | tr '\\0' ' '");
        Assert.Equal("0\n 0 100000 65536\nsh -c sleep 1000; true ", result.Output);
        Assert.Equal("100000 100000\n", Stat(Path.Combine(bundle.Rootfs, "data/made")));
    }

    [Theory, OnBoth(RuncLacks = "mapped mounts came with 1.2")]
    public void A_mounts_owners_are_mapped(string runtime)
    {
        using var bundle = new Bundle(runtime);
        var volume = Directory.CreateDirectory(Path.Combine(bundle.Path, "volume")).FullName;
        File.WriteAllText(Path.Combine(volume, "file"), "");
        var map = new[] { new IdMapping { ContainerId = 0, HostId = 5000, Size = 100 } };
        var result = bundle.Run("stat -c %u:%g /volume/file", c => c with
        {
            Mounts = [.. c.Mounts, new MountConfig { Type = "bind", Source = volume, Destination = "/volume", Options = ["bind", "idmap"], UidMappings = map, GidMappings = map }],
        });
        Assert.Equal("5000:5000\n", result.Output);
    }

    [Theory, OnBoth(RuncLacks = "mapped mounts came with 1.2")]
    public void A_mount_is_mapped_as_the_container_is(string runtime)
    {
        using var bundle = Mapped(runtime);
        var volume = Directory.CreateDirectory(Path.Combine(bundle.Path, "volume")).FullName;
        File.WriteAllText(Path.Combine(volume, "file"), "");
        var result = bundle.Run("stat -c %u:%g /volume/file; echo x > /volume/new", All(UserNamespace(), Bind(volume, "/volume", "rbind", "ridmap")));
        Assert.Equal("0:0\n", result.Output);
        Assert.Equal("0 0\n", Stat(Path.Combine(volume, "new")));
    }

    [Fact]
    public void A_file_system_that_cannot_be_mapped_is_named()
    {
        using var bundle = new Bundle();
        var map = new[] { new IdMapping { ContainerId = 0, HostId = 5000, Size = 100 } };
        var result = bundle.Run("true", c => c with
        {
            Mounts = [.. c.Mounts, new MountConfig { Type = "bind", Source = "/proc", Destination = "/p", Options = ["bind", "idmap"], UidMappings = map, GidMappings = map }],
        });
        Assert.Contains("mounts[7].uidMappings", result.Error);
    }

    // A root file system that belongs to the namespace's root.
    private static Bundle Mapped(string runtime)
    {
        var bundle = new Bundle(runtime);
        using var chown = Process.Start("chown", ["-hR", $"{HostId}:{HostId}", bundle.Rootfs]);
        chown.WaitForExit();
        return bundle;
    }

    private static string Stat(string path)
    {
        using var stat = Process.Start(new ProcessStartInfo("stat", ["-c", "%u %g", path]) { RedirectStandardOutput = true })!;
        return stat.StandardOutput.ReadToEnd();
    }
}
