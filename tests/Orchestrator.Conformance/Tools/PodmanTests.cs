using Xunit;

namespace Orchestrator.Conformance.Tools;

/// <summary>Debian's Podman, as root, with storage and state of its own.</summary>
public sealed class Podman : IDisposable
{
    private readonly string _directory = "";
    private readonly string _group = $"/podman-{Guid.NewGuid():N}";

    public Podman()
    {
        if (!Environment.IsPrivilegedProcess || Programs.Find("podman") is null || !File.Exists(Programs.Runtime) || !File.Exists(Programs.Image))
            return;
        _directory = Directory.CreateTempSubdirectory("orc-p").FullName;
        Get("import", Programs.Image, "busybox");
    }

    public static void Require() => Programs.Require("podman", "conmon", "script");

    public RunResult Run(params IEnumerable<string> arguments) => Programs.Run("podman", [.. Options, .. arguments]);

    public RunResult RunOnTerminal(string input, params IEnumerable<string> arguments) => Programs.RunOnTerminal("podman", [.. Options, .. arguments], input);

    public string Get(params IEnumerable<string> arguments)
    {
        var result = Run(arguments);
        Assert.True(result.ExitCode == 0, $"podman {string.Join(' ', arguments)}: {result}");
        return result.Output.Trim();
    }

    // Podman's own defaults raise limits, which a machine without CAP_SYS_RESOURCE does not give.
    public string[] New(string verb, params string[] options) =>
        [verb, "--network", "none", "--ulimit", "nofile=1024:1024", "--ulimit", "nproc=1000:1000", "--cgroup-parent", _group, .. options];

    public void Dispose()
    {
        if (_directory.Length == 0)
            return;
        Run("rm", "-af", "-t", "0");
        Bundle.Await(() => !Programs.With(_directory).Any(), "the end of podman's children");
        // Podman makes the parent group, and conmon's beside the container's, and leaves them.
        foreach (var group in Directory.GetDirectories("/sys/fs/cgroup").Append("/sys/fs/cgroup").Select(h => h + _group).Where(Directory.Exists))
        {
            Assert.DoesNotContain(Directory.GetDirectories(group), d => Path.GetFileName(d).StartsWith("libpod-", StringComparison.Ordinal) && !d.EndsWith("conmon", StringComparison.Ordinal));
            foreach (var inner in Directory.GetDirectories(group).Append(group))
                Programs.Run("rmdir", [inner]);
        }
        foreach (var mount in File.ReadLines("/proc/self/mountinfo").Select(l => l.Split(' ')[4]).Where(m => m.StartsWith(_directory, StringComparison.Ordinal)).Reverse())
            Programs.Run("umount", ["-l", mount]);
        Directory.Delete(_directory, recursive: true);
    }

    private string[] Options =>
    [
        "--root", _directory + "/root", "--runroot", _directory + "/run", "--tmpdir", _directory + "/tmp", "--runtime", Programs.Runtime,
        "--cgroup-manager", "cgroupfs", "--events-backend", "file", "--storage-driver", "overlay",
    ];
}

/// <summary>What people do with Podman, done on this runtime by way of conmon.</summary>
public sealed class PodmanTests(Podman podman) : IClassFixture<Podman>
{
    [Fact]
    public void A_command_runs_and_its_streams_and_exit_code_come_back()
    {
        Podman.Require();
        var result = podman.Run([.. podman.New("run", "--rm", "-e", "WORD=a b", "-w", "/tmp"), "busybox", "sh", "-c", "echo $WORD; pwd; echo err >&2; exit 7"]);
        Assert.Equal((7, "a b\n/tmp\n", "err\n"), (result.ExitCode, result.Output, result.Error));
        Assert.Equal(127, podman.Run([.. podman.New("run", "--rm"), "busybox", "nope"]).ExitCode);
        Assert.Equal(126, podman.Run([.. podman.New("run", "--rm"), "busybox", "/etc"]).ExitCode);
    }

    [Fact]
    public void A_person_gets_a_terminal()
    {
        Podman.Require();
        var result = podman.RunOnTerminal("echo typed-$((1+1))\nexit 5\n", [.. podman.New("run", "-it", "--rm"), "busybox", "sh", "-c", "tty; sh"]);
        Assert.Contains("/dev/pts/0", result.Output);
        Assert.Contains("typed-2", result.Output);
        Assert.Equal(5, result.ExitCode);
    }

    [Fact]
    public void Commands_join_a_container_and_its_log_is_kept()
    {
        Podman.Require();
        var id = podman.Get([.. podman.New("run", "-d"), "busybox", "sh", "-c", "echo logged; sleep 1000"]);
        var result = podman.Run("exec", "-e", "A=b", "-w", "/etc", "-u", "33", id, "sh", "-c", "echo $A $(pwd) $(id -u); exit 3");
        Assert.Equal((3, "b /etc 33\n"), (result.ExitCode, result.Output));
        Assert.Equal(127, podman.Run("exec", id, "nope").ExitCode);
        Assert.Contains("/dev/pts/", podman.RunOnTerminal("exit\n", "exec", "-it", id, "sh", "-c", "tty; sh").Output);
        Assert.Equal("logged", podman.Get("logs", id));
        Assert.Contains("sleep 1000", podman.Get("top", id));
        podman.Get("rm", "-f", "-t", "0", id);
    }

    [Fact]
    public void Limits_hold()
    {
        Podman.Require();
        var id = podman.Get([.. podman.New("run", "-d", "--memory", "64m", "--cpus", "0.5", "--pids-limit", "20"), "busybox", "sleep", "1000"]);
        Assert.Equal("67108864 50000 20", podman.Get("exec", id, "sh", "-c", "cd /sys/fs/cgroup; echo $(cat memory/memory.limit_in_bytes cpu/cpu.cfs_quota_us pids/pids.max)"));
        podman.Get("rm", "-f", "-t", "0", id);
        var killed = podman.Get([.. podman.New("run", "-d", "--memory", "16m", "--memory-swap", "16m"), "busybox", "dd", "if=/dev/zero", "of=/dev/null", "bs=60M", "count=1"]);
        // That it was want of memory Debian's conmon does not tell on version 1, whatever the runtime.
        Assert.Equal("137", podman.Get("wait", killed));
        podman.Get("rm", killed);
    }

    [Fact]
    public void A_container_is_stopped_killed_paused_and_started_again()
    {
        Podman.Require();
        var id = podman.Get([.. podman.New("run", "-d"), "busybox", "sh", "-c", "trap 'exit 9' TERM; echo ready; while :; do sleep 0.1; done"]);
        Bundle.Await(() => podman.Get("logs", id).Contains("ready", StringComparison.Ordinal), "the trap");
        podman.Get("pause", id);
        Assert.Equal("paused", podman.Get("inspect", "--format", "{{.State.Status}}", id));
        podman.Get("unpause", id);
        podman.Get("stop", id);
        Assert.Equal("9", podman.Get("inspect", "--format", "{{.State.ExitCode}}", id));
        podman.Get("start", id);
        podman.Get("kill", id);
        Assert.Equal("137", podman.Get("wait", id));
        podman.Get("rm", id);
    }

    [Fact]
    public void What_a_container_may_is_what_was_asked_for()
    {
        Podman.Require();
        Assert.Equal("refused", Shell("mount -t tmpfs none /tmp 2>/dev/null || echo refused"));
        Assert.Equal("mounted", Shell("mount -t tmpfs none /tmp && echo mounted", "--privileged"));
        Assert.Equal("refused", Shell("touch /x 2>/dev/null || echo refused", "--read-only", "--read-only-tmpfs=false"));
        // Podman lays tmpfs over /tmp and /run, with a copy of what is there.
        Assert.Equal("refused\nwritten", Shell("touch /x 2>/dev/null || echo refused; touch /tmp/x /run/x && echo written", "--read-only"));
        Assert.Equal("33", Shell("id -u", "--user", "33"));
        Assert.Equal("opened", Shell(": </dev/fuse && echo opened", "--device", "/dev/fuse"));
    }

    private string Shell(string script, params string[] options) => podman.Get([.. podman.New("run", ["--rm", .. options]), "busybox", "sh", "-c", script]);
}
