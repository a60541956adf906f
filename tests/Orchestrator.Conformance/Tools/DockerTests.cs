using Xunit;

namespace Orchestrator.Conformance.Tools;

/// <summary>What people do with Docker, done by Docker Engine on this runtime.</summary>
public sealed class DockerTests(Dockerd docker) : IClassFixture<Dockerd>
{
    [Fact]
    public void A_command_runs_and_its_streams_and_exit_code_come_back()
    {
        Dockerd.Require();
        var result = docker.Run("run", "--rm", "--network", "host", "-e", "WORD=a b", "-w", "/tmp", "--hostname", "box", "busybox", "sh", "-c", "echo $WORD; pwd; hostname; echo err >&2; exit 7");
        Assert.Equal((7, "a b\n/tmp\nbox\n", "err\n"), (result.ExitCode, result.Output, result.Error));
    }

    [Fact]
    public void A_command_that_cannot_run_has_its_exit_code()
    {
        Dockerd.Require();
        Assert.Equal(127, docker.Run("run", "--rm", "--network", "host", "busybox", "nope").ExitCode);
        Assert.Equal(126, docker.Run("run", "--rm", "--network", "host", "busybox", "/etc").ExitCode);
    }

    [Fact]
    public void A_person_gets_a_terminal_of_the_right_size()
    {
        Dockerd.Require();
        var result = docker.RunOnTerminal("echo typed-$((1+1))\nexit 5\n", "run", "-it", "--rm", "--network", "host", "busybox", "sh", "-c", "tty; for i in $(seq 50); do [ \"$(stty size)\" = '33 77' ] && break; sleep 0.1; done; stty size; sh");
        Assert.Contains("/dev/pts/0", result.Output);
        Assert.Contains("33 77", result.Output);
        Assert.Contains("typed-2", result.Output);
        Assert.Equal(5, result.ExitCode);
    }

    [Fact]
    public void A_user_without_privileges_can_open_its_streams_again()
    {
        Dockerd.Require();
        Assert.Equal("33:33\nagain", docker.Get("run", "--rm", "--network", "host", "--user", "33:33", "busybox", "sh", "-c", "echo $(id -u):$(id -g); echo again >/dev/stdout"));
    }

    [Fact]
    public void Commands_join_a_container()
    {
        Dockerd.Require();
        var id = docker.Start("busybox", "sleep", "1000");
        var result = docker.Run("exec", "-e", "A=b", "-w", "/etc", "-u", "33", id, "sh", "-c", "echo $A $(pwd) $(id -u); exit 3");
        Assert.Equal((3, "b /etc 33\n"), (result.ExitCode, result.Output));
        Assert.NotEqual(0, docker.Run("exec", id, "nope").ExitCode);
        Assert.Equal("typed", docker.Get("exec", id, "sh", "-c", "echo typed | cat"));
        var terminal = docker.RunOnTerminal("exit 4\n", "exec", "-it", id, "sh", "-c", "tty; sh");
        Assert.Contains("/dev/pts/", terminal.Output);
        Assert.Equal(4, terminal.ExitCode);
        docker.Get("exec", "-d", id, "touch", "/tmp/made");
        Bundle.Await(() => docker.Run("exec", id, "test", "-e", "/tmp/made").ExitCode == 0, "the detached command");
        Assert.Contains("sleep 1000", docker.Get("top", id));
        docker.Get("rm", "-f", id);
    }

    [Fact]
    public void The_log_is_kept()
    {
        Dockerd.Require();
        var id = docker.Start("busybox", "sh", "-c", "for i in 1 2 3; do echo line $i; done");
        Assert.Equal("0", docker.Get("wait", id));
        Assert.Equal("line 1\nline 2\nline 3", docker.Get("logs", id));
        docker.Get("rm", id);
    }

    [Fact]
    public void Memory_beyond_the_limit_kills_and_docker_knows_why()
    {
        Dockerd.Require();
        var id = docker.Start("--memory", "16m", "--memory-swap", "16m", "busybox", "dd", "if=/dev/zero", "of=/dev/null", "bs=60M", "count=1");
        Assert.Equal("137", docker.Get("wait", id));
        Assert.Equal("true", docker.Inspect(id, "{{.State.OOMKilled}}"));
        docker.Get("rm", id);
    }

    [Fact]
    public void Limits_are_set_and_changed_while_it_runs()
    {
        Dockerd.Require();
        var id = docker.Start("--memory", "64m", "--cpus", "0.5", "--pids-limit", "20", "--cpuset-cpus", "0", "--cpu-shares", "512", "busybox", "sleep", "1000");
        Assert.Equal("67108864 50000 20 0 512", Limits(id));
        docker.Get("update", "--memory", "128m", "--memory-swap", "256m", "--cpus", "1.5", "--pids-limit", "30", "--cpu-shares", "256", id);
        Assert.Equal("134217728 150000 30 0 256", Limits(id));
        Assert.Contains("128MiB", docker.Get("stats", "--no-stream", id));
        docker.Get("rm", "-f", id);
        var forks = docker.Run("run", "--rm", "--network", "host", "--pids-limit", "4", "busybox", "sh", "-c", "for i in 1 2 3 4 5; do sleep 1 & done");
        Assert.Contains("can't fork", forks.Error);
    }

    [Fact]
    public void A_container_is_stopped_by_its_signal_or_killed()
    {
        Dockerd.Require();
        var polite = docker.Start("busybox", "sh", "-c", "trap 'exit 9' TERM; echo ready; while :; do sleep 0.1; done");
        Bundle.Await(() => docker.Get("logs", polite).Contains("ready", StringComparison.Ordinal), "the trap");
        docker.Get("stop", polite);
        Assert.Equal("9", docker.Inspect(polite, "{{.State.ExitCode}}"));
        docker.Get("start", polite);
        docker.Get("kill", polite);
        Bundle.Await(() => docker.Inspect(polite, "{{.State.Running}} {{.State.ExitCode}}") == "false 137", "the end");
        docker.Get("rm", polite);
        var other = docker.Start("busybox", "sh", "-c", "trap 'exit 6' USR1; echo ready; while :; do sleep 0.1; done");
        Bundle.Await(() => docker.Get("logs", other).Contains("ready", StringComparison.Ordinal), "the trap");
        docker.Get("kill", "-s", "USR1", other);
        Assert.Equal("6", docker.Get("wait", other));
        docker.Get("rm", other);
    }

    [Fact]
    public void A_paused_container_stands_still_until_it_goes_on()
    {
        Dockerd.Require();
        var id = docker.Start("busybox", "sh", "-c", "while :; do date +%s%N >/tmp/now; done");
        docker.Get("pause", id);
        Assert.Equal("true", docker.Inspect(id, "{{.State.Paused}}"));
        Assert.NotEqual(0, docker.Run("exec", id, "true").ExitCode);
        docker.Get("unpause", id);
        Assert.Equal(0, docker.Run("exec", id, "true").ExitCode);
        docker.Get("pause", id);
        docker.Get("rm", "-f", id);
    }

    [Fact]
    public void A_container_is_restarted_by_hand_and_by_its_policy()
    {
        Dockerd.Require();
        var id = docker.Start("--restart", "on-failure:2", "busybox", "sh", "-c", "echo start; sleep 0.2; exit 1");
        Bundle.Await(() => docker.Inspect(id, "{{.RestartCount}} {{.State.Running}}") == "2 false", "the restarts");
        Assert.Equal("start\nstart\nstart", docker.Get("logs", id));
        docker.Get("rm", id);
        var again = docker.Start("busybox", "sh", "-c", "echo $$; sleep 1000");
        docker.Get("restart", "-t", "0", again);
        Bundle.Await(() => docker.Get("logs", again) == "1\n1", "the second start");
        docker.Get("rm", "-f", again);
    }

    [Fact]
    public void What_a_container_may_is_what_was_asked_for()
    {
        Dockerd.Require();
        Assert.Equal("refused", Shell("mount -t tmpfs none /tmp 2>/dev/null || echo refused"));
        Assert.Equal("refused", Shell("touch /x 2>/dev/null || echo refused", "--read-only"));
        Assert.Equal("refused", Shell("chown 1 /tmp 2>/dev/null || echo refused", "--cap-drop", "ALL"));
        Assert.Equal("changed", Shell("hostname other && echo changed", "--cap-add", "SYS_ADMIN"));
        Assert.Equal("1", Shell("grep NoNewPrivs /proc/self/status | cut -f 2", "--security-opt", "no-new-privileges"));
        Assert.Equal("2", Shell("grep Seccomp: /proc/self/status | cut -f 2"));
        Assert.Equal("55", Shell("ulimit -n", "--ulimit", "nofile=55"));
        Assert.Equal("9000", Shell("cat /proc/sys/kernel/msgmax", "--sysctl", "kernel.msgmax=9000"));
        Assert.Equal("opened", Shell(": </dev/fuse && echo opened", "--device", "/dev/fuse"));
        Assert.Equal("refused", Shell("mknod /tmp/fuse c 10 229 && { (: </tmp/fuse) 2>/dev/null || echo refused; }"));
    }

    [Fact]
    public void An_init_is_pid_1_and_the_host_can_be_shared()
    {
        Dockerd.Require();
        Assert.Equal("docker-init", Shell("tr '\\0' ' ' </proc/1/cmdline | cut -d ' ' -f 1 | xargs basename", "--init"));
        Assert.NotEqual("1", Shell("echo $$", "--pid", "host"));
        Assert.Equal(File.ReadAllText("/proc/sys/kernel/hostname").Trim(), docker.Get("run", "--rm", "--network", "host", "--uts", "host", "busybox", "hostname"));
    }

    [Fact]
    public void Files_of_the_host_and_of_volumes_are_mounted()
    {
        Dockerd.Require();
        var directory = Directory.CreateTempSubdirectory("orc-volume").FullName;
        File.WriteAllText(directory + "/file", "host\n");
        Assert.Equal("host\nrefused", Shell("cat /mnt/file; touch /mnt/x 2>/dev/null || echo refused", "-v", directory + ":/mnt:ro"));
        Assert.Equal("tmpfs", Shell("stat -f -c %T /t", "--tmpfs", "/t:size=1m"));
        docker.Get("volume", "create", "kept");
        Shell("echo kept >/v/file", "-v", "kept:/v");
        Assert.Equal("kept", Shell("cat /v/file", "-v", "kept:/v"));
        docker.Get("volume", "rm", "kept");
        Directory.Delete(directory, recursive: true);
    }

    [Fact]
    public void Containers_on_a_bridge_have_addresses_and_reach_each_other()
    {
        Dockerd.Require();
        var server = docker.Get("run", "-d", "-p", "127.0.0.1:8123:80", "busybox", "sh", "-c", "echo served >/tmp/index.html; exec httpd -f -h /tmp");
        var address = docker.Inspect(server, "{{.NetworkSettings.IPAddress}}");
        Assert.Contains($"inet {address}/16", docker.Get("exec", server, "ip", "-4", "addr", "show", "eth0"));
        Assert.Equal("served", docker.Get("run", "--rm", "busybox", "wget", "-qO-", $"http://{address}/index.html"));
        // Published, on the daemon's own loopback.
        Assert.Equal("served", docker.Get("run", "--rm", "--network", "host", "busybox", "wget", "-qO-", "http://127.0.0.1:8123/index.html"));
        Assert.Equal("served", docker.Get("run", "--rm", "--network", $"container:{server}", "busybox", "wget", "-qO-", "http://127.0.0.1/index.html"));
        Assert.Equal("lo", docker.Get("run", "--rm", "--network", "none", "busybox", "ls", "/sys/class/net"));
        docker.Get("restart", "-t", "0", server);
        Assert.Equal("served", docker.Get("run", "--rm", "busybox", "wget", "-qO-", $"http://{docker.Inspect(server, "{{.NetworkSettings.IPAddress}}")}/index.html"));
        docker.Get("rm", "-f", server);
    }

    [Fact]
    public void Containers_on_a_network_of_their_own_find_each_other_by_name()
    {
        Dockerd.Require();
        docker.Get("network", "create", "apart");
        docker.Get("run", "-d", "--name", "web", "--network", "apart", "busybox", "sh", "-c", "echo named >/tmp/index.html; exec httpd -f -h /tmp");
        Assert.Equal("named", docker.Get("run", "--rm", "--network", "apart", "busybox", "wget", "-qO-", "http://web/index.html"));
        Assert.NotEqual(0, docker.Run("run", "--rm", "busybox", "wget", "-T", "1", "-qO-", "http://web/index.html").ExitCode);
        docker.Get("network", "connect", "bridge", "web");
        Assert.Contains("eth1", docker.Get("exec", "web", "ls", "/sys/class/net"));
        docker.Get("rm", "-f", "web");
        docker.Get("network", "rm", "apart");
    }

    [Fact]
    public void A_privileged_container_may_what_root_may()
    {
        Dockerd.Require();
        var result = Shell("mount -t tmpfs none /tmp && echo mounted; test -e /dev/fuse && echo devices; grep Seccomp: /proc/self/status | cut -f 2; touch /proc/sys/kernel/hostname && echo writable; mount | grep -c '/proc/.*ro,' || true", "--privileged");
        Assert.Equal("mounted\ndevices\n0\nwritable\n0", result);
        Assert.Equal("refused", Shell("mount -t tmpfs none /tmp 2>/dev/null || echo refused"));
    }

    private string Limits(string id) => docker.Get("exec", id, "sh", "-c", "cd /sys/fs/cgroup; echo $(cat memory/memory.limit_in_bytes cpu/cpu.cfs_quota_us pids/pids.max cpuset/cpuset.cpus cpu/cpu.shares)");

    private string Shell(string script, params IEnumerable<string> options) => docker.Get([.. new[] { "run", "--rm", "--network", "host" }, .. options, "busybox", "sh", "-c", script]);
}

/// <summary>The same with user namespaces: root in a container is nobody outside.</summary>
public sealed class RemappedDockerTests(RemappingDockerd docker) : IClassFixture<RemappingDockerd>
{
    [Fact]
    public void Root_in_a_container_is_nobody_outside()
    {
        Dockerd.Require();
        var id = docker.Get("run", "-d", "busybox", "sleep", "1000");
        Assert.Contains("100000", File.ReadLines($"/proc/{docker.Inspect(id, "{{.State.Pid}}")}/status").First(l => l.StartsWith("Uid:", StringComparison.Ordinal)));
        Assert.Equal("0 100000 65536", string.Join(' ', docker.Get("exec", id, "cat", "/proc/self/uid_map").Split(' ', StringSplitOptions.RemoveEmptyEntries)));
        Assert.Equal("0:0", docker.Get("exec", id, "sh", "-c", "touch /tmp/own && stat -c %u:%g /tmp/own"));
        Assert.Contains("eth0", docker.Get("exec", id, "ls", "/sys/class/net"));
        docker.Get("rm", "-f", id);
    }

    [Fact]
    public void Volumes_users_and_limits_are_as_without()
    {
        Dockerd.Require();
        Assert.Equal("kept", docker.Get("run", "--rm", "-v", "kept:/v", "busybox", "sh", "-c", "echo kept >/v/file; cat /v/file"));
        Assert.Equal("33", docker.Get("run", "--rm", "--user", "33", "busybox", "id", "-u"));
        Assert.Equal("refused", docker.Get("run", "--rm", "--read-only", "busybox", "sh", "-c", "touch /x 2>/dev/null || echo refused"));
        Assert.Equal("20", docker.Get("run", "--rm", "--pids-limit", "20", "busybox", "cat", "/sys/fs/cgroup/pids/pids.max"));
        Assert.Equal(File.ReadAllText("/proc/sys/kernel/hostname").Trim(), docker.Get("run", "--rm", "--userns", "host", "--uts", "host", "busybox", "hostname"));
        docker.Get("volume", "rm", "kept");
    }
}
