using System.Globalization;
using Orchestrator.Oci.Runtime;
using Xunit;
using static Orchestrator.Conformance.Configs;

namespace Orchestrator.Conformance;

/// <summary>What a process may and how it is treated: capabilities, limits, scheduling, labels.</summary>
public sealed class CredentialTests
{
    [Theory, OnBoth]
    public void Each_of_the_five_sets_is_its_own(string runtime)
    {
        using var bundle = new Bundle(runtime);
        var sets = new CapabilitiesConfig
        {
            Bounding = ["CAP_CHOWN", "CAP_KILL", "CAP_SETUID"],
            Permitted = ["CAP_CHOWN", "CAP_KILL"],
            Inheritable = ["CAP_CHOWN", "CAP_KILL"],
            Effective = ["CAP_CHOWN", "CAP_KILL"],
            Ambient = ["CAP_KILL"],
        };
        var result = bundle.Run("grep -E '^Cap' /proc/self/status", WithProcess(p => p with { User = new UserConfig { Uid = 7, Gid = 7 }, Capabilities = sets }));
        // A user keeps over execve what is ambient.
        Assert.Equal("CapInh:\t0000000000000021\nCapPrm:\t0000000000000020\nCapEff:\t0000000000000020\nCapBnd:\t00000000000000a1\nCapAmb:\t0000000000000020\n", result.Output);
    }

    [Theory, OnBoth]
    public void Without_capabilities_root_has_none(string runtime)
    {
        using var bundle = new Bundle(runtime);
        Assert.Equal("CapEff:\t0000000000000000\nCapBnd:\t0000000000000000\n", bundle.Run("grep -E '^Cap(Eff|Bnd)' /proc/self/status", WithProcess(p => p with { Capabilities = new CapabilitiesConfig() })).Output);
    }

    [Theory, OnBoth]
    public void An_unknown_capability_is_a_warning(string runtime)
    {
        using var bundle = new Bundle(runtime);
        string[] some = ["CAP_CHOWN", "CAP_FLY"];
        var result = bundle.Run("echo ran", WithProcess(p => p with { Capabilities = new CapabilitiesConfig { Bounding = some, Effective = some, Permitted = some } }));
        Assert.Equal("ran\n", result.Output);
        Assert.Contains("CAP_FLY", result.Error);
    }

    [Theory, OnBoth]
    public void Every_limit_is_set(string runtime)
    {
        using var bundle = new Bundle(runtime);
        string[] types = ["CPU", "FSIZE", "DATA", "STACK", "CORE", "RSS", "NPROC", "NOFILE", "MEMLOCK", "AS", "LOCKS", "SIGPENDING", "MSGQUEUE", "NICE", "RTPRIO", "RTTIME"];
        var own = File.ReadLines("/proc/self/limits").Skip(1).Select(l => l[26..].Split(' ', StringSplitOptions.RemoveEmptyEntries)).ToList();
        ulong[] hard = [.. types.Select((t, i) => Math.Min(t is "NICE" or "RTPRIO" ? 0 : t is "AS" or "DATA" or "STACK" or "FSIZE" ? 1UL << 33 : 1000 + (ulong)i, Hard(t)))];
        var result = bundle.Run("cat /proc/self/limits", WithProcess(p => p with { Rlimits = [.. types.Select((t, i) => new RlimitConfig { Type = "RLIMIT_" + t, Soft = hard[i], Hard = hard[i] })] }));
        Assert.Equal("", result.Error);
        var values = result.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Skip(1).Select(l => l[26..].Split(' ', StringSplitOptions.RemoveEmptyEntries)[1]).ToList();
        // In the kernel's order.
        Assert.Equal(hard.Select(h => h.ToString(CultureInfo.InvariantCulture)), values);
        Assert.Equal(own.Count, values.Count);
    }

    [Theory, OnBoth(RuncLacks = "takes the last of two")]
    public void A_limit_is_listed_once(string runtime)
    {
        using var bundle = new Bundle(runtime);
        var limit = new RlimitConfig { Type = "RLIMIT_NOFILE", Soft = 10, Hard = 10 };
        Assert.Contains("process.rlimits[1].type", bundle.Run("true", WithProcess(p => p with { Rlimits = [limit, limit with { Soft = 9 }] })).Error);
    }

    [Theory, OnBoth]
    public void An_unknown_limit_is_refused(string runtime)
    {
        using var bundle = new Bundle(runtime);
        var result = bundle.Run("true", WithProcess(p => p with { Rlimits = [new RlimitConfig { Type = "RLIMIT_FUN", Soft = 1, Hard = 1 }] }));
        Assert.NotEqual(0, result.ExitCode);
        Assert.Contains("RLIMIT_FUN", result.Error);
    }

    [Theory, OnBoth]
    public void The_memory_killers_score_is_set(string runtime)
    {
        using var bundle = new Bundle(runtime);
        Assert.Equal("321\n", bundle.Run("cat /proc/self/oom_score_adj", WithProcess(p => p with { OomScoreAdj = 321 })).Output);
    }

    [Theory, OnBoth(RuncLacks = "scheduler came with 1.2")]
    public void The_scheduler_is_chosen(string runtime)
    {
        using var bundle = new Bundle(runtime);
        Programs.PutProbe(bundle);
        // sched_getscheduler and getpriority, which counts from 20 down.
        var batch = bundle.Run("probe 145 0; probe 140 0 0", WithProcess(p => p with { Scheduler = new SchedulerConfig { Policy = "SCHED_BATCH", Nice = 5 } }));
        Assert.Equal("3\n15\n", batch.Output);
        var idle = bundle.Run("probe 145 0", WithProcess(p => p with { Scheduler = new SchedulerConfig { Policy = "SCHED_IDLE", Flags = ["SCHED_FLAG_RESET_ON_FORK"] } }));
        Assert.Contains(idle.Output.Trim(), new[] { "0", "1073741829" });
    }

    [Theory, OnBoth(RuncLacks = "ioPriority came with 1.2")]
    public void The_io_priority_is_set(string runtime)
    {
        using var bundle = new Bundle(runtime);
        Programs.PutProbe(bundle);
        Assert.Equal($"{(2 << 13) + 6}\n", bundle.Run("probe 252 1 0", WithProcess(p => p with { IoPriority = new IoPriorityConfig { Class = "IOPRIO_CLASS_BE", Priority = 6 } })).Output);
    }

    [Theory, OnBoth(RuncLacks = "personality came with 1.2")]
    public void The_personality_is_set(string runtime)
    {
        using var bundle = new Bundle(runtime);
        Assert.Equal("i686\n", bundle.Run("uname -m", WithLinux(l => l with { Personality = new PersonalityConfig { Domain = "LINUX32" } })).Output);
    }

    [Theory, OnBoth(RuncLacks = "memoryPolicy came with 1.4")]
    public void Memory_comes_from_the_nodes_asked_for(string runtime)
    {
        using var bundle = new Bundle(runtime);
        var result = bundle.Run("head -1 /proc/self/numa_maps | cut -d' ' -f2", WithLinux(l => l with { MemoryPolicy = new MemoryPolicyConfig { Mode = "MPOL_BIND", Nodes = "0" } }));
        if (result.Error.Contains("set_mempolicy", StringComparison.Ordinal))
            Assert.Contains("linux.memoryPolicy: set_mempolicy(MPOL_BIND, {0}, 1025): Function not implemented", result.Error);
        else
            Assert.Equal("bind:0\n", result.Output);
    }

    [Fact]
    public void A_command_runs_on_the_cpus_asked_for()
    {
        using var bundle = new Bundle();
        var id = bundle.Configure("sleep 1000", WithProcess(p => p with { ExecCpuAffinity = new CpuAffinityConfig { Initial = "0", Final = "1" } }));
        Assert.Equal("", bundle.Create(id).Error);
        Assert.Equal(0, bundle.Runtime(["start", id]).ExitCode);
        Assert.SkipWhen(Environment.ProcessorCount < 2, "needs two CPUs");
        Assert.Equal("1\n", bundle.Exec(id, "sh", "-c", "grep Cpus_allowed_list /proc/self/status | cut -f2").Output);
    }

    [Theory, OnBoth]
    public void A_profile_needs_the_kernels_module(string runtime)
    {
        using var bundle = new Bundle(runtime);
        Assert.SkipWhen(File.Exists("/sys/module/apparmor/parameters/enabled"), "this kernel has AppArmor");
        var result = bundle.Run("true", WithProcess(p => p with { ApparmorProfile = "some" }));
        Assert.NotEqual(0, result.ExitCode);
        Assert.Contains("apparmor", result.Error, StringComparison.OrdinalIgnoreCase);
    }

    [Theory, OnBoth]
    public void A_label_needs_the_kernels_module(string runtime)
    {
        using var bundle = new Bundle(runtime);
        Assert.SkipWhen(Directory.Exists("/sys/fs/selinux"), "this kernel has SELinux");
        var result = bundle.Run("true", WithProcess(p => p with { SelinuxLabel = "system_u:system_r:container_t:s0" }));
        Assert.NotEqual(0, result.ExitCode);
        Assert.Contains("selinux", result.Error, StringComparison.OrdinalIgnoreCase);
    }

    [Theory, OnBoth]
    public void Home_is_what_the_image_says(string runtime)
    {
        using var bundle = new Bundle(runtime);
        File.WriteAllText(Path.Combine(bundle.Rootfs, "etc/passwd"), "root:x:0:0::/root:/bin/sh\nworker:x:7:7::/srv/worker:/bin/sh\n");
        Assert.Equal("/srv/worker\n", bundle.Run("echo $HOME", WithProcess(p => p with { User = new UserConfig { Uid = 7 } })).Output);
        Assert.Equal("/\n", bundle.Run("echo $HOME", WithProcess(p => p with { User = new UserConfig { Uid = 8 } })).Output);
        Assert.Equal("/own\n", bundle.Run("echo $HOME", WithProcess(p => p with { Env = [.. p.Env, "HOME=/own"] })).Output);
    }

    [Theory, OnBoth]
    public void A_directory_that_the_user_may_not_enter_can_be_where_it_starts(string runtime)
    {
        using var bundle = new Bundle(runtime);
        var closed = Directory.CreateDirectory(Path.Combine(bundle.Rootfs, "closed")).FullName;
        File.SetUnixFileMode(closed, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        Assert.Equal("/closed\n", bundle.Run("readlink /proc/self/cwd || pwd", WithProcess(p => p with { Cwd = "/closed", User = new UserConfig { Uid = 7 } })).Output);
    }

    [Theory, OnBoth]
    public void A_relative_directory_is_refused(string runtime)
    {
        using var bundle = new Bundle(runtime);
        var result = bundle.Run("true", WithProcess(p => p with { Cwd = "tmp" }));
        Assert.NotEqual(0, result.ExitCode);
        Assert.Contains("cwd", result.Error, StringComparison.OrdinalIgnoreCase);
    }

    [Theory, OnBoth]
    public void Devices_have_their_kinds_modes_and_owners(string runtime)
    {
        using var bundle = new Bundle(runtime);
        var result = bundle.Run("for d in /dev/c /dev/sub/b /dev/p; do stat -c '%F %a %u:%g' $d; done; for d in fd stdin ptmx; do readlink /dev/$d; done; for d in null zero full random urandom tty; do test -c /dev/$d || echo no $d; done", WithLinux(l => l with
        {
            Devices =
            [
                new DeviceConfig { Path = "/dev/c", Type = "c", Major = 1, Minor = 3, FileMode = 0x180, Uid = 3, Gid = 4 },
                new DeviceConfig { Path = "/dev/sub/b", Type = "b", Major = 7, Minor = 200, FileMode = 0x1A4 },
                new DeviceConfig { Path = "/dev/p", Type = "p", FileMode = 0x1B6, Gid = 9 },
            ],
        }));
        Assert.Equal("character special file 600 3:4\nblock special file 644 0:0\nfifo 666 0:9\n/proc/self/fd\n/proc/self/fd/0\npts/ptmx\n", result.Output);
    }

    private static ulong Hard(string type)
    {
        string[] order = ["CPU", "FSIZE", "DATA", "STACK", "CORE", "RSS", "NPROC", "NOFILE", "MEMLOCK", "AS", "LOCKS", "SIGPENDING", "MSGQUEUE", "NICE", "RTPRIO", "RTTIME"];
        var line = File.ReadLines("/proc/self/limits").Skip(1).ElementAt(Array.IndexOf(order, type));
        return ulong.TryParse(line[26..].Split(' ', StringSplitOptions.RemoveEmptyEntries)[1], out var hard) ? hard : ulong.MaxValue;
    }
}
