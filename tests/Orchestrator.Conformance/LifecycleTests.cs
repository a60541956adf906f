using System.Diagnostics;
using Orchestrator.Keeping;
using Orchestrator.Oci.Runtime;
using Xunit;

namespace Orchestrator.Conformance;

/// <summary>Create, start, kill, delete, exec; and the keeper that holds containers when its starter is gone.</summary>
public sealed class LifecycleTests : IDisposable
{
    private readonly Bundle _bundle = new();

    public void Dispose() => _bundle.Dispose();

    [Theory, OnBoth]
    public void A_container_is_created_then_running_then_stopped(string runtime)
    {
        using var bundle = new Bundle(runtime);
        var id = bundle.Configure("touch /data/ran; sleep 1000");
        Assert.Equal("", bundle.Create(id).Error);
        Assert.Equal("created", bundle.Status());
        Assert.False(File.Exists(Path.Combine(bundle.Path, "rootfs/data/ran")));
        Assert.Equal("", bundle.Runtime(["start", id]).Error);
        Assert.Equal("running", bundle.Status());
        Assert.NotEqual(0, bundle.Runtime(["start", id]).ExitCode);
        Assert.NotEqual(0, bundle.Runtime(["delete", id]).ExitCode);
        Assert.Equal(0, bundle.Runtime(["kill", id, "KILL"]).ExitCode);
        Bundle.Await(() => bundle.Status() == "stopped", "the end");
        Assert.NotEqual(0, bundle.Runtime(["kill", id, "KILL"]).ExitCode);
        Assert.Equal(0, bundle.Runtime(["delete", id]).ExitCode);
        Assert.Contains("does not exist", bundle.Runtime(["delete", id]).Error);
        Assert.Equal(0, bundle.Runtime(["delete", "--force", id]).ExitCode);
    }

    [Theory, OnBoth]
    public void A_missing_program_is_creates_error_and_leaves_nothing(string runtime)
    {
        using var bundle = new Bundle(runtime);
        var id = bundle.Configure("", c => c with { Process = c.Process! with { Args = ["nope"] } });
        Assert.Contains("executable file not found", bundle.Create(id).Error);
        Assert.NotEqual(0, bundle.Runtime(["state", id]).ExitCode);
    }

    [Fact]
    public void An_id_is_used_once()
    {
        _bundle.Keep("sleep 1000");
        var again = new StartRequest(_bundle.LastId, _bundle.Path, _bundle.Log, 10 << 20, 3, InputMode.None);
        Assert.Contains("exists already", _bundle.Keeper.StartRefused(again));
        Assert.Contains("exists already", _bundle.Runtime(["run", "--bundle", _bundle.Path, _bundle.LastId]).Error);
        Assert.Equal("running", _bundle.Status());
    }

    [Fact]
    public void A_keeper_keeps_the_log_and_the_exit_code()
    {
        _bundle.Keep("echo out; echo err >&2; printf unfinished; exit 3");
        var exit = _bundle.AwaitExit();
        Assert.Equal(3, exit.GetProperty("exitCode").GetInt32());
        Assert.Equal(0, exit.GetProperty("signal").GetInt32());
        Assert.False(exit.GetProperty("oomKilled").GetBoolean());
        Assert.Equal(["stderr:err", "stdout:out", "stdout:unfinished"], _bundle.LogLines().Order(StringComparer.Ordinal));
    }

    [Fact]
    public void A_killed_process_is_on_record_within_moments()
    {
        var pid = _bundle.Keep("sleep 1000");
        var clock = Stopwatch.StartNew();
        using (var process = Process.GetProcessById(pid))
            process.Kill();
        var exit = _bundle.AwaitExit();
        Assert.Equal((137, 9), (exit.GetProperty("exitCode").GetInt32(), exit.GetProperty("signal").GetInt32()));
        Assert.InRange(clock.ElapsedMilliseconds, 0, 2000);
    }

    [Fact]
    public void A_keeper_and_its_containers_outlive_who_started_it()
    {
        // A shell in its own session that is killed with all its children's group.
        using var caller = Process.Start(new ProcessStartInfo("setsid", ["sh", "-c", $"{Runtime} --root {_bundle.State} keeper --cgroup-parent {_bundle.Group} && echo up; sleep 1000"]) { RedirectStandardOutput = true })!;
        Assert.Equal("up", caller.StandardOutput.ReadLine());
        _bundle.Keep("while true; do echo tick; sleep 0.05; done");
        caller.Kill(entireProcessTree: true);
        caller.WaitForExit();
        var lines = _bundle.LogLines().Length;
        Bundle.Await(() => _bundle.LogLines().Length > lines + 2, "more of the log");
        Assert.Equal("running", _bundle.Status());
        var keeper = _bundle.Keeper.Welcome.Pid;
        Assert.Equal(keeper.ToString(), File.ReadAllText($"/proc/{keeper}/stat").Split(')')[1].Split(' ')[4]);
    }

    [Fact]
    public void A_log_is_rotated()
    {
        _bundle.Keep("seq 1 2000", with: r => r with { LogBytesMax = 20_000, LogFilesMax = 3 });
        _bundle.AwaitExit();
        Assert.All([_bundle.Log, _bundle.Log + ".1", _bundle.Log + ".2"], f => Assert.InRange(new FileInfo(f).Length, 1, 20_000));
        Assert.False(File.Exists(_bundle.Log + ".3"));
        Assert.Equal("stdout:2000", _bundle.LogLines()[^1]);
    }

    [Fact]
    public void A_start_that_fails_says_which_field_asked()
    {
        var id = _bundle.Configure("true", c => c with { Mounts = [.. c.Mounts, new MountConfig { Type = "nofs", Destination = "/x" }] });
        var error = _bundle.Keeper.StartRefused(new StartRequest(id, _bundle.Path, _bundle.Log, 10 << 20, 3, InputMode.None));
        Assert.StartsWith("mounts[7].type:", error);
    }

    [Theory, OnBoth]
    public void A_command_joins_the_container(string runtime)
    {
        using var bundle = new Bundle(runtime);
        var id = bundle.Configure("exec sleep 1000", c => c with { Hostname = "joined" });
        Assert.Equal(0, bundle.Create(id).ExitCode);
        Assert.Equal(0, bundle.Runtime(["start", id]).ExitCode);
        var result = bundle.Exec("--env", "A=b", "--cwd", "/tmp", "--user", "12:13", id, "sh", "-c", "hostname; echo $A; pwd; id -u; id -g; grep -c . /proc/1/cmdline; grep Seccomp: /proc/self/status; exit 5");
        Assert.Equal("joined\nb\n/tmp\n12\n13\n1\nSeccomp:\t2\n", result.Output);
        Assert.Equal(5, result.ExitCode);
        // Runc says 255 for both.
        Assert.Equal(runtime == Bundle.Ours ? 127 : 255, bundle.Exec(id, "nope").ExitCode);
        Assert.Equal(runtime == Bundle.Ours ? 126 : 255, bundle.Exec(id, "/etc").ExitCode);
    }

    [Fact]
    public void A_command_gets_a_terminal_of_the_containers()
    {
        _bundle.Keep("sleep 1000");
        var result = _bundle.Runtime(["exec", "--tty", _bundle.LastId, "sh", "-c", "tty; read word; echo got $word"], "hello\n");
        Assert.Contains("/dev/pts/0", result.Output);
        Assert.Contains("got hello", result.Output);
    }

    [Fact]
    public void A_container_with_a_terminal_logs_it()
    {
        _bundle.Keep("tty; ls -l /dev/console > /dev/null && echo console", c => c with { Process = c.Process! with { Terminal = true } });
        _bundle.AwaitExit();
        Assert.Equal(["stdout:/dev/pts/0", "stdout:console"], _bundle.LogLines());
    }

    [Fact]
    public void Memory_beyond_the_limit_ends_the_container_and_is_told_apart()
    {
        _bundle.Keep("dd if=/dev/zero of=/dev/null bs=60M count=1", c => Limit(c, new ResourcesConfig { Memory = new MemoryResources { Limit = 16 << 20, Swap = 16 << 20 } }));
        var exit = _bundle.AwaitExit();
        Assert.True(exit.GetProperty("oomKilled").GetBoolean());
        Assert.Equal(137, exit.GetProperty("exitCode").GetInt32());
    }

    [Theory, OnBoth]
    public void Processes_beyond_the_limit_are_refused(string runtime)
    {
        using var bundle = new Bundle(runtime);
        var result = bundle.Run("sleep 1 & sleep 1 & sleep 1 & sleep 1 & sleep 1 & echo made", c => Limit(c, new ResourcesConfig { Pids = new PidsResources { Limit = 4 } }));
        Assert.Contains("can't fork", result.Error);
    }

    [Fact]
    public void The_plan_is_printed_and_nothing_is_done()
    {
        _bundle.Configure("true");
        var result = _bundle.Runtime(["plan", _bundle.Path]);
        Assert.Contains("pivot_root", result.Output);
        Assert.Contains("# linux.maskedPaths[0]", result.Output);
        Assert.False(Directory.Exists(_bundle.State));
    }

    private static string Runtime => Environment.GetEnvironmentVariable("ORC_RUNTIME") ?? Path.Combine(AppContext.BaseDirectory, "../../../../../out/bin/orc-runtime");

    private static RuntimeConfig Limit(RuntimeConfig config, ResourcesConfig resources) =>
        config with { Linux = config.Linux with { Resources = resources with { Devices = DefaultProfile.DeviceRules } } };
}
