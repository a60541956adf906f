using System.Diagnostics;
using System.Security.Cryptography;
using Orchestrator.Oci.Runtime;
using Xunit;
using static Orchestrator.Conformance.Configs;

namespace Orchestrator.Conformance;

/// <summary>Ways out of a container that have worked somewhere once. Each is tried, and the host is as it was.</summary>
public sealed class EscapeTests
{
    [Theory, OnBoth]
    public void A_link_in_a_mounts_path_leads_nowhere_outside(string runtime)
    {
        using var bundle = new Bundle(runtime);
        var outside = Directory.CreateDirectory(Path.Combine(bundle.Path, "outside")).FullName;
        File.CreateSymbolicLink(Path.Combine(bundle.Rootfs, "absolute"), outside);
        File.CreateSymbolicLink(Path.Combine(bundle.Rootfs, "relative"), "../../../../../../../.." + outside);
        bundle.Run("true", All(Mount("tmpfs", "tmpfs", "/absolute/a"), Mount("tmpfs", "tmpfs", "/relative/b")));
        bundle.Run("true", Mount("tmpfs", "tmpfs", "/relative"));
        Assert.Empty(Directory.GetFileSystemEntries(outside));
    }

    [Theory, OnBoth]
    public void Dots_in_a_mounts_path_lead_nowhere_outside(string runtime)
    {
        using var bundle = new Bundle(runtime);
        var outside = Directory.CreateDirectory(Path.Combine(bundle.Path, "outside")).FullName;
        bundle.Run("true", Mount("tmpfs", "tmpfs", "/../../../../../../../.." + outside + "/x"));
        Assert.Empty(Directory.GetFileSystemEntries(outside));
    }

    [Theory, OnBoth]
    public void Proc_is_not_mounted_where_a_link_says(string runtime)
    {
        using var bundle = new Bundle(runtime);
        Directory.CreateDirectory(Path.Combine(bundle.Rootfs, "elsewhere"));
        File.CreateSymbolicLink(Path.Combine(bundle.Rootfs, "proc"), "elsewhere");
        Assert.NotEqual(0, bundle.Run("true").ExitCode);
    }

    [Theory, OnBoth(RuncLacks = "mounts below /proc/sys")]
    public void Nothing_but_proc_is_mounted_on_proc(string runtime)
    {
        using var bundle = new Bundle(runtime);
        Assert.NotEqual(0, bundle.Run("true", Mount("tmpfs", "tmpfs", "/proc/sys/kernel")).ExitCode);
    }

    [Fact]
    public void The_runtimes_program_cannot_be_overwritten_through_exec()
    {
        using var bundle = new Bundle();
        var program = bundle.Program;
        var before = SHA256.HashData(File.ReadAllBytes(program));
        // CVE-2019-5736: the command is a link to the program that starts it, and another process in the container writes to it meanwhile.
        File.CreateSymbolicLink(Path.Combine(bundle.Rootfs, "bin/self"), "/proc/self/exe");
        bundle.Keep("while true; do for p in /proc/[0-9]*; do test $p = /proc/1 || (echo x > $p/exe) 2>/dev/null; done; done", WithProcess(p => p with { NoNewPrivileges = true }));
        for (var i = 0; i < 20; i++)
            bundle.Exec(bundle.LastId, "/bin/self", "--version");
        Assert.Equal(before, SHA256.HashData(File.ReadAllBytes(program)));
    }

    [Theory, OnBoth]
    public void No_descriptor_and_no_directory_of_the_hosts_is_left_open(string runtime)
    {
        using var bundle = new Bundle(runtime);
        // CVE-2024-21626.
        foreach (var fd in new[] { 3, 4, 5, 6, 7, 8, 9, 10, 11, 12 })
        {
            var result = bundle.Run("ls ../../../../ 2>/dev/null; cat ../../../../etc/shadow 2>/dev/null", WithProcess(p => p with { Cwd = $"/proc/self/fd/{fd}" }));
            Assert.DoesNotContain("root:", result.Output);
        }
        // The last one is the listing's own.
        Assert.Equal("0 1 2 3\n", bundle.Run("cd /proc/1/fd && echo *").Output);
    }

    [Theory, OnBoth(RuncLacks = "CVE-2025-31133 is fixed in 1.2.8")]
    public void The_images_own_null_does_not_unmask(string runtime)
    {
        using var bundle = new Bundle(runtime);
        // With a /dev of the image's: its null is a link to what should be hidden.
        Directory.CreateDirectory(Path.Combine(bundle.Rootfs, "dev"));
        File.CreateSymbolicLink(Path.Combine(bundle.Rootfs, "dev/null"), "/proc/sys/kernel/core_pattern");
        var result = bundle.Run("wc -c < /proc/keys; grep ' /proc/keys ' /proc/self/mountinfo | grep -c core_pattern", c => c with { Mounts = [.. c.Mounts.Where(m => !m.Destination.StartsWith("/dev", StringComparison.Ordinal))] });
        Assert.Equal("0\n0\n", result.Output);
    }

    [Fact]
    public void A_console_is_not_laid_over_what_a_link_names()
    {
        using var bundle = new Bundle();
        // CVE-2025-52565.
        Directory.CreateDirectory(Path.Combine(bundle.Rootfs, "dev/pts"));
        File.CreateSymbolicLink(Path.Combine(bundle.Rootfs, "dev/console"), "/proc/sys/kernel/core_pattern");
        var result = bundle.Run("true", All(WithProcess(p => p with { Terminal = true }), c => c with { Mounts = [.. c.Mounts.Where(m => m.Destination != "/dev")] }));
        Assert.NotEqual(0, result.ExitCode);
        Assert.Contains("process.terminal", result.Error);
    }

    [Fact]
    public void A_sysctl_is_not_written_to_a_file_of_the_images()
    {
        using var bundle = new Bundle();
        // CVE-2025-52881: the container's own idea of /proc does not matter.
        Directory.CreateDirectory(Path.Combine(bundle.Rootfs, "proc/sys/net/ipv4"));
        File.WriteAllText(Path.Combine(bundle.Rootfs, "proc/sys/net/ipv4/ip_default_ttl"), "");
        var config = All(WithLinux(l => l with { Sysctl = new Dictionary<string, string> { ["net.ipv4.ip_default_ttl"] = "33" } }), c => c with { Mounts = [.. c.Mounts.Where(m => m.Type != "proc")] });
        bundle.Run("true", config);
        Assert.Equal("", File.ReadAllText(Path.Combine(bundle.Rootfs, "proc/sys/net/ipv4/ip_default_ttl")));
    }

    [Theory, OnBoth]
    public void A_set_id_program_brings_no_new_privileges(string runtime)
    {
        using var bundle = new Bundle(runtime);
        Programs.PutProbe(bundle);
        File.SetUnixFileMode(Path.Combine(bundle.Rootfs, "bin/probe"), (UnixFileMode)0x9ED);
        // geteuid.
        Assert.Equal("7\n", bundle.Run("probe 107", WithProcess(p => p with { User = new UserConfig { Uid = 7, Gid = 7 } })).Output);
        Assert.Equal("0\n", bundle.Run("probe 107", WithProcess(p => p with { NoNewPrivileges = false, User = new UserConfig { Uid = 7, Gid = 7 } })).Output);
    }

    [Theory, OnBoth]
    public void Nothing_is_mounted_from_inside(string runtime)
    {
        using var bundle = new Bundle(runtime);
        var result = bundle.Run("mount -t tmpfs none /tmp || echo 1; mount -o remount,rw /proc/sys || echo 2; umount /proc/keys || echo 3; mount --bind / /data || echo 4; unshare -Ur true || echo 5; mkdir /data/c; mount -t cgroup none /data/c || echo 6");
        Assert.Equal("1\n2\n3\n4\n5\n6\n", result.Output);
    }

    [Theory, OnBoth]
    public void A_device_node_that_was_made_cannot_be_opened(string runtime)
    {
        using var bundle = new Bundle(runtime);
        var result = bundle.Run("for d in 'b 254 0' 'c 1 1' 'c 1 4' 'c 10 200' 'b 7 0'; do mknod /tmp/n $d 2>/dev/null && head -c 1 /tmp/n 2>/dev/null && echo opened; rm -f /tmp/n; done; echo end");
        Assert.Equal("end\n", result.Output);
    }

    [Theory, OnBoth]
    public void The_machines_own_settings_cannot_be_written(string runtime)
    {
        using var bundle = new Bundle(runtime);
        var before = File.ReadAllText("/proc/sys/kernel/core_pattern");
        var result = bundle.Run("for f in /proc/sys/kernel/core_pattern /proc/sysrq-trigger /proc/sys/vm/drop_caches /sys/power/state /sys/kernel/uevent_helper /sys/fs/cgroup/memory/release_agent; do (echo x > $f) 2>/dev/null && echo wrote $f; done; echo end");
        Assert.Equal("end\n", result.Output);
        Assert.Equal(before, File.ReadAllText("/proc/sys/kernel/core_pattern"));
    }

    [Theory, OnBoth]
    public void Processes_outside_are_neither_seen_nor_traced(string runtime)
    {
        using var bundle = new Bundle(runtime);
        Programs.PutProbe(bundle);
        using var outside = Process.Start("sleep", ["1000"])!;
        try
        {
            // ptrace attach, kill, pidfd_open.
            var result = bundle.Run($"ls /proc | grep -c '^[0-9]'; probe 101 16 {outside.Id}; probe 62 {outside.Id} 9; probe 434 {outside.Id} 0");
            Assert.Equal("-3\n-3\n-3\n", string.Concat(result.Output.Split('\n').Skip(1).Where(l => l.Length > 0).Select(l => l + "\n")));
            Assert.False(outside.HasExited);
        }
        finally
        {
            outside.Kill();
            outside.WaitForExit();
        }
    }

    [Theory, OnBoth]
    public void Filters_namespaces_and_keys_of_the_hosts_are_out_of_reach(string runtime)
    {
        using var bundle = new Bundle(runtime);
        Programs.PutProbe(bundle);
        // bpf, kexec_load, init_module, swapon, reboot, settimeofday, add_key, keyctl, open_by_handle_at, iopl, setns, unshare, pivot_root, userfaultfd.
        foreach (var call in new[] { 321, 246, 175, 167, 169, 164, 248, 250, 304, 172, 308, 272, 155, 323 })
            Assert.Equal("-1\n", bundle.Run($"probe {call} {(call == 272 ? 0x20000 : 0)} 0 0 0 0").Output);
    }

    [Theory, OnBoth]
    public void A_fork_bomb_ends_at_the_limit(string runtime)
    {
        using var bundle = new Bundle(runtime);
        var result = bundle.Run("bomb() { bomb | bomb & }; bomb 2>/dev/null; sleep 0.5; echo alive", Limit(new ResourcesConfig { Pids = new PidsResources { Limit = 30 } }));
        Assert.True(result.Output is "alive\n" or "", result.ToString());
        Assert.True(Process.GetProcesses().Length < 5000);
    }

    [Theory, OnBoth]
    public void A_memory_bomb_ends_at_the_limit(string runtime)
    {
        using var bundle = new Bundle(runtime);
        var result = bundle.Run("x=aaaaaaaaaaaaaaaa; while true; do x=$x$x; done", Limit(new ResourcesConfig { Memory = new MemoryResources { Limit = 32 << 20, Swap = 32 << 20 } }));
        Assert.Equal(137, result.ExitCode);
    }

    private static Func<RuntimeConfig, RuntimeConfig> Limit(ResourcesConfig resources) => WithLinux(l => l with { Resources = resources with { Devices = DefaultProfile.DeviceRules } });
}
