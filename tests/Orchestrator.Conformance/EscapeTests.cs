using System.Diagnostics;
using System.Globalization;
using System.Security.Cryptography;
using System.Text.Json;
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

    [Fact]
    public void The_runtimes_program_cannot_be_overwritten_through_a_command_or_an_init_that_is_it()
    {
        using var bundle = new Bundle();
        var before = SHA256.HashData(File.ReadAllBytes(bundle.Program));
        // The image's own command is a link to what starts it, and a second process waits for it.
        File.CreateSymbolicLink(Path.Combine(bundle.Rootfs, "bin/self"), "/proc/self/exe");
        const string overwrite = "for i in $(seq 50); do for p in /proc/[0-9]*/exe /dev/init; do (echo x > $p) 2>/dev/null && echo wrote $p; done; done";
        bundle.Run($"({overwrite}) & exec /bin/self --version");
        bundle.Run(overwrite, c => c with { Annotations = new Dictionary<string, string> { [RuntimeAnnotations.Init] = "true" } });
        Assert.DoesNotContain("wrote", bundle.Run(overwrite.Replace("/proc/[0-9]*/exe", "/proc/1/exe", StringComparison.Ordinal), All(
            c => c with { Annotations = new Dictionary<string, string> { [RuntimeAnnotations.Init] = "true" } }, WithLinux(l => l with { Seccomp = null }))).Output);
        Assert.Equal(before, SHA256.HashData(File.ReadAllBytes(bundle.Program)));
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

    /// <summary>The keeper is root as the container's process is, and where pids are the host's it is in plain sight. What it may and the container may not protects it.</summary>
    [Theory]
    [InlineData("a pid namespace of its own")]
    [InlineData("the host's pids")]
    [InlineData("the host's pids, no filter, every capability but CAP_SYS_PTRACE")]
    public void The_keeper_is_neither_traced_nor_read_nor_written(string container)
    {
        using var bundle = new Bundle();
        Programs.PutC(bundle, "intrude", Intruder);
        var capabilities = DefaultProfile.CapabilitySets([.. AllCapabilities(bundle).Where(c => c != "CAP_SYS_PTRACE")]);
        bundle.Keep("exec sleep 1000", container switch
        {
            "the host's pids" => Without("pid"),
            "the host's pids, no filter, every capability but CAP_SYS_PTRACE" => All(Without("pid"), WithLinux(l => l with { Seccomp = null }), WithProcess(p => p with { Capabilities = capabilities })),
            _ => c => c,
        });
        foreach (var pid in (int[])[bundle.Keeper.Welcome.Pid, .. bundle.OwnProcesses()])
            // Who may read performance counters, or administer the system, may read where a process's memory lies.
            Assert.Equal("end\n", bundle.Exec(bundle.LastId, "intrude", $"{pid}").Output.Replace(container.Contains("every", StringComparison.Ordinal) ? "environ\nmaps\n" : " ", "", StringComparison.Ordinal));
    }

    [Fact]
    public void The_intruder_of_these_tests_can_intrude_when_it_may()
    {
        using var bundle = new Bundle();
        Programs.PutC(bundle, "intrude", Intruder);
        using var outside = Process.Start("sleep", ["1000"])!;
        var config = All(Without("pid"), WithLinux(l => l with { Seccomp = null }), WithProcess(p => p with { Capabilities = DefaultProfile.CapabilitySets(AllCapabilities(bundle)) }));
        var result = bundle.Run($"intrude {outside.Id}", config);
        outside.Kill();
        outside.WaitForExit();
        Assert.Equal("ptrace attach\nptrace seize\nprocess_vm_readv\npidfd_getfd\nmem\nroot\ncwd\nexe\nfd\nns/mnt\nenviron\nmaps\nend\n", result.Output);
    }

    private const string Intruder = """
        #define _GNU_SOURCE
        #include <errno.h>
        #include <fcntl.h>
        #include <stdio.h>
        #include <stdlib.h>
        #include <sys/ptrace.h>
        #include <sys/syscall.h>
        #include <sys/uio.h>
        #include <sys/wait.h>
        #include <unistd.h>
        static int pid;
        static void file(const char *name, const char *what, int flags) {
          char path[64]; snprintf(path, sizeof path, "/proc/%d/%s", pid, name);
          if (open(path, flags) >= 0) puts(what); }
        int main(int argc, char **argv) {
          pid = atoi(argv[1]);
          if (ptrace(PTRACE_ATTACH, pid, 0, 0) == 0) { puts("ptrace attach"); waitpid(pid, 0, __WALL); ptrace(PTRACE_DETACH, pid, 0, 0); }
          if (ptrace(PTRACE_SEIZE, pid, 0, 0) == 0) { puts("ptrace seize"); ptrace(PTRACE_INTERRUPT, pid, 0, 0); waitpid(pid, 0, __WALL); ptrace(PTRACE_DETACH, pid, 0, 0); }
          char byte; struct iovec here = { &byte, 1 }, there = { (void *)0x1000, 1 };
          if (process_vm_readv(pid, &here, 1, &there, 1, 0) >= 0 || process_vm_writev(pid, &here, 1, &there, 1, 0) >= 0 || errno == EFAULT) puts("process_vm_readv");
          int fd = syscall(SYS_pidfd_open, pid, 0);
          if (fd >= 0 && syscall(SYS_pidfd_getfd, fd, 0, 0) >= 0) puts("pidfd_getfd");
          file("mem", "mem", O_RDWR); file("root", "root", O_RDONLY); file("cwd", "cwd", O_RDONLY);
          file("exe", "exe", O_RDONLY); file("fd/0", "fd", O_RDONLY); file("ns/mnt", "ns/mnt", O_RDONLY); file("environ", "environ", O_RDONLY); file("maps", "maps", O_RDONLY);
          puts("end"); return 0; }
        """;

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
        const int limit = 30;
        using var bundle = new Bundle(runtime);
        Programs.PutC(bundle, "bomb", "#include <unistd.h>\nint main() { for (;;) fork(); }");
        var id = bundle.Configure("exec bomb", Limit(new ResourcesConfig { Pids = new PidsResources { Limit = limit } }));
        Assert.Equal(0, bundle.Create(id).ExitCode);
        Assert.Equal(0, bundle.Runtime(["start", id]).ExitCode);
        // Forks were refused, and others on the machine go on.
        Bundle.Await(() => long.Parse(bundle.GroupValue(id, "pids", "pids.events").Split(' ')[^1], CultureInfo.InvariantCulture) > 100, "refused forks");
        for (var i = 0; i < 50; i++)
            Assert.InRange(long.Parse(bundle.GroupValue(id, "pids", "pids.current"), CultureInfo.InvariantCulture), 1, limit);
        using (var process = Process.Start("true"))
            process.WaitForExit();
        Assert.Equal(0, bundle.Runtime(["delete", "--force", id]).ExitCode);
    }

    [Theory, OnBoth]
    public void A_memory_bomb_ends_at_the_limit(string runtime)
    {
        const long limit = 32 << 20;
        using var bundle = new Bundle(runtime);
        var neighbour = bundle.Configure("exec sleep 1000");
        Assert.Equal(0, bundle.Create(neighbour).ExitCode);
        Assert.Equal(0, bundle.Runtime(["start", neighbour]).ExitCode);
        var bomb = bundle.Configure("x=aaaaaaaaaaaaaaaa; while true; do x=$x$x; done", Limit(new ResourcesConfig { Memory = new MemoryResources { Limit = limit, Swap = limit } }));
        Assert.Equal(0, bundle.Create(bomb).ExitCode);
        Assert.Equal(0, bundle.Runtime(["start", bomb]).ExitCode);
        Bundle.Await(() => bundle.Status() == "stopped", "the bomb's end");
        Assert.InRange(long.Parse(bundle.GroupValue(bomb, "memory", File.Exists("/sys/fs/cgroup/cgroup.controllers") ? "memory.peak" : "memory.max_usage_in_bytes"), CultureInfo.InvariantCulture), limit / 2, limit);
        Assert.Contains("\"running\"", bundle.Runtime(["state", neighbour]).Output);
        Assert.Equal(137, bundle.Run("x=aaaaaaaaaaaaaaaa; while true; do x=$x$x; done", Limit(new ResourcesConfig { Memory = new MemoryResources { Limit = limit, Swap = limit } })).ExitCode);
    }

    private static string[] AllCapabilities(Bundle bundle)
    {
        using var features = JsonDocument.Parse(bundle.Runtime(["features"]).Output);
        return [.. features.RootElement.GetProperty("linux").GetProperty("capabilities").EnumerateArray().Select(c => c.GetString()!)];
    }

    private static Func<RuntimeConfig, RuntimeConfig> Limit(ResourcesConfig resources) => WithLinux(l => l with { Resources = resources with { Devices = DefaultProfile.DeviceRules } });
}
