using System.Diagnostics;
using System.Net.Sockets;
using System.Text.Json;
using Orchestrator.Oci.Runtime;
using Xunit;
using static Orchestrator.Conformance.Configs;

namespace Orchestrator.Conformance;

/// <summary>runc's command line: options, output, exit codes, and the words that callers look for.</summary>
public sealed class CommandLineTests : IDisposable
{
    private readonly Bundle _bundle = new();

    public void Dispose() => _bundle.Dispose();

    [Fact]
    public void A_refusal_is_in_the_log_file_as_a_line_of_json()
    {
        var log = Path.Combine(_bundle.Path, "log.json");
        Assert.Equal(1, _bundle.Runtime(["--log", log, "--log-format", "json", "--debug", "--rootless=false", "state", "nobody"]).ExitCode);
        using var line = JsonDocument.Parse(Assert.Single(File.ReadAllLines(log)));
        Assert.Equal("error", line.RootElement.GetProperty("level").GetString());
        Assert.Contains("does not exist", line.RootElement.GetProperty("msg").GetString());
        Assert.True(line.RootElement.TryGetProperty("time", out _));
    }

    [Fact]
    public void Groups_by_way_of_systemd_are_refused_clearly() =>
        Assert.Contains("accepted", _bundle.Runtime(["--systemd-cgroup", "list"]).Error);

    [Fact]
    public void Containers_are_listed_in_every_form()
    {
        var id = Start("sleep 1000");
        Assert.Equal(id + "\n", _bundle.Runtime(["list", "-q"]).Output);
        using var json = JsonDocument.Parse(_bundle.Runtime(["list", "--format", "json"]).Output);
        var container = Assert.Single(json.RootElement.EnumerateArray());
        Assert.Equal((id, "running", _bundle.Path), (Text(container, "id"), Text(container, "status"), Text(container, "bundle")));
        Assert.Equal(Path.Combine(_bundle.Path, "rootfs"), Text(container, "rootfs"));
        Assert.InRange(DateTime.Parse(Text(container, "created")).ToUniversalTime(), DateTime.UtcNow.AddMinutes(-5), DateTime.UtcNow);
        Assert.StartsWith("ID", _bundle.Runtime(["list"]).Output);
    }

    [Fact]
    public void The_processes_are_told_by_pid_and_by_ps()
    {
        var id = Start("sleep 1000");
        using var pids = JsonDocument.Parse(_bundle.Runtime(["ps", "--format", "json", id]).Output);
        var pid = Assert.Single(pids.RootElement.EnumerateArray()).GetInt32();
        using var state = JsonDocument.Parse(_bundle.Runtime(["state", id]).Output);
        Assert.Equal(state.RootElement.GetProperty("pid").GetInt32(), pid);
        Assert.Contains("sleep 1000", _bundle.Runtime(["ps", id]).Output);
        Assert.Equal(2, _bundle.Runtime(["ps", id, "-o", "pid,comm", "-A"]).Output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Length);
    }

    [Fact]
    public void A_paused_container_stands_still_and_takes_no_command()
    {
        var id = Start("i=0; while true; do i=$((i+1)); echo $i >/data/count; done");
        var counter = Path.Combine(_bundle.Path, "rootfs/data/count");
        Bundle.Await(() => File.Exists(counter), "the first count");
        Assert.Equal("", _bundle.Runtime(["pause", id]).Error);
        Assert.Equal("paused", _bundle.Status());
        var before = File.ReadAllText(counter);
        Assert.Contains("paused", _bundle.Exec(id, "true").Error);
        Assert.Contains("already", _bundle.Runtime(["pause", id]).Error);
        Assert.Equal(before, File.ReadAllText(counter));
        Assert.Equal("", _bundle.Runtime(["resume", id]).Error);
        Bundle.Await(() => File.ReadAllText(counter) != before, "the next count");
        Assert.Contains("not paused", _bundle.Runtime(["resume", id]).Error);
        Assert.Equal("", _bundle.Runtime(["pause", id]).Error);
        Assert.Equal("", _bundle.Runtime(["kill", id, "KILL"]).Error);
        Bundle.Await(() => _bundle.Status() == "stopped", "the end of a paused container");
        Assert.Contains("container not running", _bundle.Runtime(["kill", id]).Error);
    }

    [Fact]
    public void Limits_change_by_options_and_by_a_file_and_the_others_stay()
    {
        var id = Start("sleep 1000", c => Limit(c, new ResourcesConfig { Memory = new MemoryResources { Limit = 64 << 20, Swap = 64 << 20 }, Pids = new PidsResources { Limit = 10 } }));
        Assert.Equal("", _bundle.Runtime(["update", "--memory", "128m", "--memory-swap", "256m", "--cpu-quota", "30000", "--cpu-share", "300", id]).Error);
        Assert.Equal("134217728 268435456 30000 300 10\n", Limits(id));
        Assert.Equal("", _bundle.Runtime(["update", "--resources", "-", id], """{"pids":{"limit":20},"memory":{"limit":33554432,"swap":33554432}}""").Error);
        Assert.Equal("33554432 33554432 30000 300 20\n", Limits(id));
        Assert.StartsWith("orc-runtime: linux.resources.memory.swap:", _bundle.Runtime(["update", "--memory-swap", "1m", id]).Error);
    }

    [Fact]
    public void Signals_go_to_one_process_or_to_all()
    {
        var id = Start("trap 'exit 3' USR1; (trap 'echo child >/data/child; exit' USR1; while true; do sleep 0.1; done) & echo ready >/data/ready; while true; do sleep 0.1; done");
        Bundle.Await(() => File.Exists(Path.Combine(_bundle.Path, "rootfs/data/ready")), "the traps");
        Assert.Equal(2, _bundle.Runtime(["kill", id, "NOPE"]).ExitCode);
        Assert.Equal(0, _bundle.Runtime(["kill", "--all", id, "10"]).ExitCode);
        Bundle.Await(() => _bundle.Status() == "stopped", "the end");
    }

    [Fact]
    public void Events_tell_of_use_and_of_want_of_memory()
    {
        var id = Start("while [ ! -e /data/go ]; do sleep 0.1; done; dd if=/dev/zero of=/dev/null bs=60M count=1; sleep 1000",
            c => Limit(c, new ResourcesConfig { Memory = new MemoryResources { Limit = 16 << 20, Swap = 16 << 20 } }));
        using var once = JsonDocument.Parse(_bundle.Runtime(["events", "--stats", id]).Output);
        var data = once.RootElement.GetProperty("data");
        Assert.Equal(("stats", 16ul << 20), (Text(once.RootElement, "type"), data.GetProperty("memory").GetProperty("usage").GetProperty("limit").GetUInt64()));
        Assert.InRange(data.GetProperty("cpu").GetProperty("usage").GetProperty("total").GetUInt64(), 1ul, ulong.MaxValue);
        using var events = _bundle.Start(["events", "--interval", "50ms", id]);
        Assert.Contains("\"stats\"", events.StandardOutput.ReadLine());
        File.WriteAllText(Path.Combine(_bundle.Path, "rootfs/data/go"), "");
        while (events.StandardOutput.ReadLine() is { } line && !line.Contains("\"oom\"", StringComparison.Ordinal))
        {
        }
        Assert.Equal(0, _bundle.Runtime(["kill", id, "KILL"]).ExitCode);
        Assert.True(events.WaitForExit(10_000));
        Assert.Equal(0, events.ExitCode);
    }

    [Fact]
    public void A_terminal_is_sent_to_the_console_socket()
    {
        var (socket, listener) = Listen();
        using (listener)
        {
            var id = _bundle.Configure("tty; read line; echo got $line", c => c with { Process = c.Process! with { Terminal = true } });
            Assert.Contains("--console-socket", _bundle.Create(id).Error);
            Assert.Equal("", _bundle.Create(id, $"--console-socket {socket} --pid-file {_bundle.Path}/pid").Error);
            Assert.Equal("/dev/pts/ptmx", Receive(listener));
            Assert.NotEqual(0, int.Parse(File.ReadAllText(_bundle.Path + "/pid")));
        }
    }

    [Fact]
    public void A_detached_command_has_its_own_process_file()
    {
        var id = Start("sleep 1000");
        var file = Path.Combine(_bundle.Path, "process.json");
        File.WriteAllText(file, """{"terminal":false,"user":{"uid":7,"gid":8},"args":["sh","-c","id -u >/data/uid; id -g >>/data/uid; sleep 1000"],"env":["PATH=/bin"],"cwd":"/"}""");
        Directory.CreateDirectory(Path.Combine(_bundle.Path, "rootfs/data"));
        File.SetUnixFileMode(Path.Combine(_bundle.Path, "rootfs/data"), (UnixFileMode)0x1FF);
        // Without pipes in between: the command keeps the streams that exec has.
        using var exec = Process.Start("sh", ["-c", $"exec {_bundle.Program} --root {_bundle.State} exec --detach --process {file} --pid-file {_bundle.Path}/pid {id} >/dev/null 2>&1 </dev/null"]);
        exec.WaitForExit();
        Assert.Equal(0, exec.ExitCode);
        Bundle.Await(() => File.Exists(_bundle.Path + "/rootfs/data/uid") && File.ReadAllText(_bundle.Path + "/rootfs/data/uid") == "7\n8\n", "the command");
        using var pids = JsonDocument.Parse(_bundle.Runtime(["ps", "-f", "json", id]).Output);
        Assert.Contains(int.Parse(File.ReadAllText(_bundle.Path + "/pid")), pids.RootElement.EnumerateArray().Select(p => p.GetInt32()));
    }

    [Fact]
    public void A_command_gets_what_its_options_say()
    {
        var id = Start("sleep 1000", c => c with { Process = c.Process! with { Capabilities = new CapabilitiesConfig(), NoNewPrivileges = false } });
        var result = _bundle.Exec("--cap", "CAP_KILL", "--no-new-privs", "--additional-gids", "5", "--additional-gids", "6", "--user", "0:3", id, "sh", "-c", "id -G; grep -E 'NoNewPrivs|CapEff' /proc/self/status");
        Assert.Equal("3 5 6\nCapEff:\t0000000000000020\nNoNewPrivs:\t1\n", result.Output);
    }

    [Fact]
    public void Descriptors_are_handed_on()
    {
        var id = _bundle.Configure("read line <&3; echo $line; ls /proc/self/fd | wc -l; readlink /proc/self/fd/4");
        var script = $"echo handed >{_bundle.Path}/in; exec {_bundle.Program} --root {_bundle.State} run --preserve-fds 1 --bundle {_bundle.Path} {id} 3<{_bundle.Path}/in 4</dev/null";
        using var process = Process.Start(new ProcessStartInfo("sh", ["-c", script]) { RedirectStandardOutput = true })!;
        Assert.StartsWith("handed\n", process.StandardOutput.ReadToEnd());
        process.WaitForExit();
    }

    [Fact]
    public void Without_a_pivot_the_root_is_the_containers_too() =>
        Assert.Contains("data", _bundle.Runtime(["run", "--no-pivot", "--no-new-keyring", "--bundle", _bundle.Path, _bundle.Configure("ls /")]).Output);

    [Fact]
    public void A_spec_is_written_and_runs_and_the_features_are_told()
    {
        var directory = Path.Combine(_bundle.Path, "spec");
        Directory.CreateDirectory(directory);
        Assert.Equal("", _bundle.Runtime(["spec", "--bundle", directory]).Error);
        var config = RuntimeConfig.Parse(File.ReadAllBytes(directory + "/config.json"));
        Assert.True(config.Process!.Terminal);
        Assert.Equal(1, _bundle.Runtime(["spec", "--bundle", directory]).ExitCode);
        File.Delete(directory + "/config.json");
        Assert.Equal("", _bundle.Runtime(["spec", "--rootless", "-b", directory]).Error);
        Assert.Contains(RuntimeConfig.Parse(File.ReadAllBytes(directory + "/config.json")).Linux.Namespaces, n => n.Type == "user");
        using var features = JsonDocument.Parse(_bundle.Runtime(["features"]).Output);
        var linux = features.RootElement.GetProperty("linux");
        Assert.All((string[])["v1", "v2", "rdma"], c => Assert.True(linux.GetProperty("cgroup").GetProperty(c).GetBoolean()));
        Assert.Contains("CAP_CHOWN", Texts(linux.GetProperty("capabilities")));
        Assert.True(linux.GetProperty("mountExtensions").GetProperty("idmap").GetProperty("enabled").GetBoolean());
        Assert.Equal([true, true, false], ((string[])["apparmor", "selinux", "intelRdt"]).Select(m => linux.GetProperty(m).GetProperty("enabled").GetBoolean()));
    }

    /// <summary>The specification: what is listed must be recognized.</summary>
    [Fact]
    public void What_the_features_list_is_accepted()
    {
        using var features = JsonDocument.Parse(_bundle.Runtime(["features"]).Output);
        var linux = features.RootElement.GetProperty("linux");
        var seccomp = linux.GetProperty("seccomp");
        foreach (var option in Texts(features.RootElement.GetProperty("mountOptions")).Where(o => o is not ("idmap" or "ridmap" or "tmpcopyup" or "remount")))
            Assert.Equal("", Ran(c => c with { Mounts = [.. c.Mounts, new MountConfig { Type = "bind", Source = _bundle.Path, Destination = "/data", Options = ["bind", option] }] }));
        var actions = Texts(seccomp.GetProperty("actions")).Where(a => a != "SCMP_ACT_NOTIFY").Select(a => new SeccompRule { Names = ["acct"], Action = a });
        var operators = Texts(seccomp.GetProperty("operators")).Select(o => new SeccompRule { Names = ["acct"], Action = "SCMP_ACT_ERRNO", Args = [new SeccompArgument { Op = o }] });
        foreach (var rule in actions.Concat(operators))
            Assert.Equal("", Ran(WithLinux(l => l with { Seccomp = Filter(rule) })));
        foreach (var flag in Texts(seccomp.GetProperty("supportedFlags")).Where(f => !f.EndsWith("RECV", StringComparison.Ordinal)))
            Assert.Equal("", Ran(WithLinux(l => l with { Seccomp = Filter() with { Flags = [flag] } })));
        Assert.Equal("", Ran(WithLinux(l => l with { Seccomp = Filter() with { Architectures = Texts(seccomp.GetProperty("archs")) } })));
        Assert.Equal("", Ran(WithLinux(l => l with { Namespaces = [.. Texts(linux.GetProperty("namespaces")).Where(n => n != "user").Select(n => new NamespaceConfig { Type = n })] })));
    }

    private string Ran(Func<RuntimeConfig, RuntimeConfig> change)
    {
        var result = _bundle.Run("true", change);
        return result.ExitCode == 0 ? "" : result.Error;
    }

    private static SeccompConfig Filter(params SeccompRule[] rules) => new() { DefaultAction = "SCMP_ACT_ALLOW", Architectures = ["SCMP_ARCH_X86_64"], Syscalls = rules };

    private static string[] Texts(JsonElement array) => [.. array.EnumerateArray().Select(e => e.GetString()!)];

    [Fact]
    public void A_command_that_joins_is_confined_as_asked_or_refused()
    {
        Assert.SkipWhen(File.Exists("/sys/module/apparmor/parameters/enabled") || File.Exists("/sys/fs/selinux/enforce"), "this kernel has AppArmor or SELinux");
        var id = Start("exec sleep 1000");
        Assert.Contains("process.apparmorProfile", _bundle.Exec("--apparmor", "some", id, "true").Error);
        Assert.Contains("process.selinuxLabel", _bundle.Exec("--process-label", "some", id, "true").Error);
        Assert.Equal(0, _bundle.Exec("--apparmor", "", "--process-label", "", id, "true").ExitCode);
    }

    private string Start(string script, Func<RuntimeConfig, RuntimeConfig>? change = null)
    {
        var id = _bundle.Configure(script, change);
        Assert.Equal("", _bundle.Create(id).Error);
        Assert.Equal("", _bundle.Runtime(["start", id]).Error);
        return id;
    }

    private (string Path, Socket Listener) Listen()
    {
        var path = _bundle.Path + "/console";
        var listener = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        listener.Bind(new UnixDomainSocketEndPoint(path));
        listener.Listen(1);
        return (path, listener);
    }

    private static string Receive(Socket listener)
    {
        using var connection = listener.Accept();
        var buffer = new byte[100];
        return System.Text.Encoding.UTF8.GetString(buffer, 0, connection.Receive(buffer));
    }

    private string Limits(string id) => _bundle.Exec(id, "sh", "-c",
        "cd /sys/fs/cgroup; echo $(cat memory/memory.limit_in_bytes memory/memory.memsw.limit_in_bytes cpu/cpu.cfs_quota_us cpu/cpu.shares pids/pids.max)").Output;

    private static string Text(JsonElement element, string name) => element.GetProperty(name).GetString()!;

    private static RuntimeConfig Limit(RuntimeConfig config, ResourcesConfig resources) =>
        config with { Linux = config.Linux with { Resources = resources with { Devices = DefaultProfile.DeviceRules } } };
}
