using System.Diagnostics;
using Xunit;

namespace Orchestrator.Machine;

/// <summary>`orc run` as Docker's users know it.</summary>
[Collection(MachineDefinition.Name)]
public sealed class RunTests
{
    private readonly Machine _machine;

    public RunTests(Machine machine)
    {
        Machine.NeedsRoot();
        _machine = machine;
    }

    [Fact]
    public async Task Output_and_exit_code_are_the_programs_and_rm_leaves_nothing()
    {
        var result = await _machine.ShellAsync("echo out; echo err >&2; exit 3", "--rm", "--name", "gone");
        Assert.Equal((3, "out\n", "err\n"), (result.ExitCode, result.Output, result.Error.Replace($"pulling {Machine.Image}\n", "", StringComparison.Ordinal)));
        Assert.Contains("no container \"gone\"", (await _machine.OrcAsync("container", "logs", "gone")).Refused(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(127, "/no/such/program")]
    [InlineData(127, "nosuchprogram")]
    [InlineData(126, "/etc/passwd")]
    public async Task What_cannot_run_ends_as_a_shell_would_say(int code, string program) =>
        Assert.Contains(program, (await _machine.OrcAsync("run", "--rm", Machine.Image, program)).Refused(code), StringComparison.Ordinal);

    [Fact]
    public async Task What_cannot_be_made_ends_with_125_and_a_reason()
    {
        Assert.Contains("/no/such/source", (await _machine.OrcAsync("run", "--rm", "-v", "/no/such/source:/x", Machine.Image)).Refused(125), StringComparison.Ordinal);
        Assert.Contains("nosuch", (await _machine.OrcAsync("run", "--rm", "127.0.0.1:5000/nosuch:1")).Refused(125), StringComparison.Ordinal);
        Assert.Contains("--pull", (await _machine.OrcAsync("run", "--rm", "--pull", "perhaps", Machine.Image)).Refused(125), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Options_after_the_image_are_the_commands() =>
        Assert.Equal("-v --name x\n", (await _machine.OrcAsync("run", "--rm", Machine.Image, "echo", "-v", "--name", "x")).Succeeded());

    [Fact]
    public async Task Detached_it_prints_the_id_and_is_found_by_name_id_and_beginning()
    {
        var id = (await _machine.ShellAsync("echo hello; sleep 1000", "-d", "--name", "found")).Succeeded().Trim();
        Assert.Equal(64, id.Length);
        await Machine.AwaitAsync("its log", async () => (await _machine.OrcAsync("logs", "found")).Output == "hello\n");
        Assert.Equal("hello\n", (await _machine.OrcAsync("logs", id[..8])).Succeeded());
        Assert.Equal("0\n", (await _machine.OrcAsync("exec", "found", "id", "-u")).Succeeded());
        Assert.Equal(5, (await _machine.OrcAsync("exec", id, "sh", "-c", "exit 5")).ExitCode);
        Assert.Contains(id[..12], (await _machine.OrcAsync("ps")).Succeeded(), StringComparison.Ordinal);
        Assert.Equal("137\n", (await StopAndWaitAsync("found")));
        Assert.Contains("Exited (137)", (await _machine.OrcAsync("ps", "-a")).Succeeded(), StringComparison.Ordinal);
        Assert.DoesNotContain(id[..12], (await _machine.OrcAsync("ps", "-q")).Succeeded(), StringComparison.Ordinal);
        Assert.Equal("found\n", (await _machine.OrcAsync("rm", "found")).Succeeded());
    }

    [Fact]
    public async Task Signals_pass_through_and_the_container_decides()
    {
        using var run = _machine.Start("run", "--rm", "--name", "sig", Machine.Image, "sh", "-c", "trap 'echo caught; exit 7' INT; echo ready; while true; do sleep 0.05; done");
        await Machine.ReadUntilAsync(run, "ready");
        await Machine.RunAsync("kill", ["-INT", $"{run.Id}"]);
        await Machine.ReadUntilAsync(run, "caught");
        Assert.Equal(7, await Machine.EndAsync(run));
    }

    [Fact]
    public async Task A_killed_container_ends_with_137_and_is_told_from_one_out_of_memory()
    {
        using var run = _machine.Start("run", "--name", "killed", Machine.Image, "sh", "-c", "echo ready; exec sleep 1000");
        await Machine.ReadUntilAsync(run, "ready");
        (await _machine.OrcAsync("kill", "killed")).Succeeded();
        Assert.Equal(137, await Machine.EndAsync(run));
        Assert.Equal("false", await _machine.InspectAsync("killed", "{{.State.OOMKilled}}"));
        Assert.Equal(137, (await _machine.OrcAsync("run", "--name", "oom", "-m", "16m", Machine.Image, "dd", "if=/dev/zero", "of=/dev/null", "bs=64M", "count=1")).ExitCode);
        Assert.Equal("true", await _machine.InspectAsync("oom", "{{.State.OOMKilled}}"));
        await _machine.RemoveAsync("killed", "oom");
    }

    [Fact]
    public async Task Settings_of_the_process_reach_it()
    {
        var file = Path.Combine(_machine.Directory, "vars");
        await File.WriteAllTextAsync(file, "# colours\nA=from file\nB=file\n");
        var output = (await _machine.ShellAsync(
            "id -u; id -G; pwd; hostname; echo $A $B $C; cat /etc/hosts | grep extra; grep gateway /etc/hosts | cut -f2; cat /proc/sys/net/core/somaxconn; ulimit -n; df -k /dev/shm | tail -1 | awk '{print $2}'; cat /etc/resolv.conf; touch /x",
            "--rm", "-u", "33:33", "--group-add", "10", "-w", "/tmp", "-h", "box", "--env-file", file, "-e", "B=flag", "-e", "C=c", "--add-host", "extra:10.1.2.3", "--add-host", "gateway:host-gateway",
            "--sysctl", "net.core.somaxconn=99", "--ulimit", "nofile=100:200", "--shm-size", "8m", "--dns", "10.9.9.9", "--dns-search", "example.org", "--read-only"));
        Assert.Equal(1, output.ExitCode);
        Assert.Contains("Read-only file system", output.Error, StringComparison.Ordinal);
        Assert.Equal(
            ["33", "33 10", "/tmp", "box", "from file flag c", "10.1.2.3\textra", "gateway", "99", "100", "8192", "search example.org", "nameserver 10.9.9.9", "options ndots:0"],
            output.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries));
    }

    [Fact]
    public async Task Privileges_are_given_and_taken()
    {
        const string effective = "grep -E '^(CapEff|NoNewPrivs|Seccomp):' /proc/self/status | cut -f2 | tr '\\n' ' '";
        Assert.Equal("00000000a80425fb 0 2", (await _machine.ShellAsync(effective, "--rm")).Succeeded().Trim());
        Assert.Equal("0000000000000000 1 2", (await _machine.ShellAsync(effective, "--rm", "--cap-drop", "ALL", "--security-opt", "no-new-privileges")).Succeeded().Trim());
        var all = File.ReadLines("/proc/self/status").Single(l => l.StartsWith("CapBnd:", StringComparison.Ordinal)).Split('\t')[1];
        Assert.Equal($"{all} 0 0", (await _machine.ShellAsync(effective, "--rm", "--privileged")).Succeeded().Trim());
        Assert.Equal("0", (await _machine.ShellAsync("mount -t tmpfs none /tmp && echo $?", "--rm", "--privileged")).Succeeded().Trim());
        Assert.Equal("c", (await _machine.ShellAsync("stat -c %A /dev/fuse | cut -c1", "--rm", "--device", "/dev/fuse")).Succeeded().Trim());
    }

    [Fact]
    public async Task An_init_reaps_and_the_id_file_is_written()
    {
        var file = Path.Combine(_machine.Directory, "id");
        Assert.Contains("init", (await _machine.ShellAsync("cat /proc/1/comm", "--rm", "--init", "--cidfile", file)).Succeeded(), StringComparison.Ordinal);
        Assert.Equal(64, (await File.ReadAllTextAsync(file)).Length);
        Assert.Contains("--cidfile", (await _machine.ShellAsync("true", "--rm", "--cidfile", file)).Refused(125), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Only_the_streams_that_are_named_are_stayed_with()
    {
        var output = await _machine.ShellAsync("echo out; echo err >&2; exit 3", "--rm", "-a", "stdout");
        Assert.Equal((3, "out\n", ""), (output.ExitCode, output.Output, output.Error));
        var errors = await _machine.ShellAsync("echo out; echo err >&2", "--rm", "-a", "stderr");
        Assert.Equal(("", "err\n"), (errors.Output, errors.Error));
        Assert.Contains("accepted: stdin, stdout, stderr", (await _machine.ShellAsync("true", "--rm", "-a", "nonsense")).Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_filter_of_ones_own_is_read_from_a_file()
    {
        var file = Path.Combine(_machine.Directory, "filter.json");
        await File.WriteAllTextAsync(file, """{ "defaultAction": "SCMP_ACT_ALLOW", "syscalls": [ { "names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO", "errnoRet": 13 } ] }""");
        Assert.Contains("Permission denied", (await _machine.ShellAsync("mkdir /x", "--rm", "--security-opt", $"seccomp={file}")).Error, StringComparison.Ordinal);
        Assert.Contains("no such file", (await _machine.ShellAsync("true", "--rm", "--security-opt", "seccomp=/nowhere")).Error, StringComparison.Ordinal);
        await File.WriteAllTextAsync(file, """{ "defaultAction": "nonsense" }""");
        Assert.Contains("seccomp", (await _machine.ShellAsync("true", "--rm", "--security-opt", $"seccomp={file}")).Refused(125), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Processes_of_another_are_seen()
    {
        var other = await _machine.BackgroundAsync("exec sleep 1234");
        var output = (await _machine.ShellAsync("tr '\\0' ' ' < /proc/1/cmdline", "--rm", "--pid", $"container:{other}")).Succeeded();
        Assert.Equal("sleep 1234 ", output);
        (await _machine.OrcAsync("kill", other)).Succeeded();
        Assert.Contains("does not run", (await _machine.ShellAsync("true", "--rm", "--pid", $"container:{other}")).Refused(125), StringComparison.Ordinal);
        await _machine.RemoveAsync(other);
    }

    [Fact]
    public async Task A_name_that_nothing_has_is_refused_for_both_places()
    {
        var error = (await _machine.OrcAsync("logs", "nowhere")).Refused();
        Assert.Contains("this machine has no container \"nowhere\"", error, StringComparison.Ordinal);
        Assert.Contains("cluster", error, StringComparison.Ordinal);
        var taken = await _machine.BackgroundAsync("sleep 1000");
        Assert.Contains("taken", (await _machine.OrcAsync("create", "--name", taken, Machine.Image)).Refused(125), StringComparison.Ordinal);
        await _machine.RemoveAsync(taken);
    }

    private async Task<string> StopAndWaitAsync(string name)
    {
        (await _machine.OrcAsync("stop", "-t", "0", name)).Succeeded();
        return (await _machine.OrcAsync("wait", name)).Succeeded();
    }
}
