using Orchestrator.Engine.Containers;
using Orchestrator.Engine.Logs;
using Orchestrator.Linux;
using Xunit;

namespace Orchestrator.Tests.Engine.Containers;

/// <summary>The engine with the real runtime.</summary>
public sealed class ContainerEngineTests
{
    private static readonly TimeSpan s_long = TimeSpan.FromSeconds(60);

    [Fact]
    public async Task A_container_runs_and_its_output_and_exit_code_are_known()
    {
        await using var lab = await EngineLab.OpenAsync();
        var (exit, output) = await lab.RunAsync(lab.Shell("echo out; echo err >&2; exit 3"));
        Assert.Equal((3, 0, false, null), (exit.ExitCode, exit.Signal, exit.OomKilled, exit.Error));
        Assert.Equal(["err", "out"], output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Order());
    }

    [Fact]
    public async Task The_process_is_who_and_where_it_was_told_to_be()
    {
        await using var lab = await EngineLab.OpenAsync();
        var (_, output) = await lab.RunAsync(lab.Shell(
            "id -u; id -g; id -G; hostname; echo $HOME $COLOR; cat /etc/hostname",
            o => o with { User = "web", Hostname = "box", Environment = new Dictionary<string, string> { ["COLOR"] = "blue" } }));
        Assert.Equal("123\n45\n45 77\nbox\n/srv blue\nbox\n", output);
    }

    [Fact]
    public async Task A_stop_gives_grace_and_then_kills()
    {
        await using var lab = await EngineLab.OpenAsync();
        var polite = await lab.StartAsync(lab.Shell("trap 'echo bye; exit 5' TERM; echo up; while true; do sleep 0.05; done"));
        await EngineLab.SaysAsync(polite, "up");
        Assert.Equal(5, (await polite.StopAsync(s_long, TestContext.Current.CancellationToken)).ExitCode);
        var deaf = await lab.StartAsync(lab.Shell("trap '' TERM; echo up; while true; do sleep 0.05; done"));
        await EngineLab.SaysAsync(deaf, "up");
        Assert.Equal((137, 9), await deaf.StopAsync(TimeSpan.FromMilliseconds(100), TestContext.Current.CancellationToken) is var e ? (e.ExitCode, e.Signal) : default);
    }

    [Fact]
    public async Task A_command_that_does_not_exist_is_an_error_that_names_it()
    {
        await using var lab = await EngineLab.OpenAsync();
        var container = lab.Engine.Create(lab.Shell("", o => o with { Command = ["/no/such"] }));
        var error = await Assert.ThrowsAsync<ContainerException>(() => lab.Engine.StartAsync(container));
        Assert.Contains("/no/such", error.Message, StringComparison.Ordinal);
        Assert.Equal(ContainerState.Ended, container.State);
    }

    [Fact]
    public async Task A_new_engine_finds_what_runs_and_what_ended_meanwhile()
    {
        await using var lab = await EngineLab.OpenAsync();
        var running = await lab.StartAsync(lab.Shell("echo up; while [ ! -e /tmp/go ]; do sleep 0.05; done; echo after; exit 7"));
        var ending = await lab.StartAsync(lab.Shell("while [ ! -e /tmp/go ]; do sleep 0.05; done; exit 9"));
        var idle = lab.Engine.Create(lab.Shell("exit 1"));
        await EngineLab.SaysAsync(running, "up");
        var (pid, endingPid) = (running.Record.Process!.Pid, ending.Record.Process!.Pid);
        using (var process = Processes.OpenPidFd(endingPid))
        {
            lab.Engine.Dispose();
            File.WriteAllText($"/proc/{endingPid}/root/tmp/go", "");
            Assert.True(Processes.WaitForExit(process, 10_000));
        }
        var engine = await lab.ReopenAsync();
        var found = engine.Find(running.Id)!;
        Assert.Equal((ContainerState.Running, pid), (found.State, found.Record.Process!.Pid));
        Assert.Equal(9, (await engine.Find(ending.Id)!.Ended.WaitAsync(s_long, TestContext.Current.CancellationToken)).ExitCode);
        Assert.Equal(ContainerState.Created, engine.Find(idle.Id)!.State);
        File.WriteAllText($"/proc/{pid}/root/tmp/go", "");
        Assert.Equal(7, (await found.Ended.WaitAsync(s_long, TestContext.Current.CancellationToken)).ExitCode);
        Assert.Equal("up\nafter\n", await EngineLab.LogAsync(found));
    }

    [Fact]
    public async Task A_start_that_an_engine_did_not_live_to_note_is_found_again()
    {
        await using var lab = await EngineLab.OpenAsync();
        var container = await lab.StartAsync(lab.Shell("while [ ! -e /tmp/go ]; do sleep 0.05; done; exit 4"));
        var process = container.Record.Process!;
        container.Become(container.Record with { State = ContainerState.Starting, Process = null });
        var found = (await lab.ReopenAsync()).Find(container.Id)!;
        Assert.Equal((ContainerState.Running, process), (found.State, found.Record.Process));
        File.WriteAllText($"/proc/{process.Pid}/root/tmp/go", "");
        Assert.Equal(4, (await found.Ended.WaitAsync(s_long, TestContext.Current.CancellationToken)).ExitCode);
    }

    [Fact]
    public async Task A_named_volume_has_what_the_image_has_there_and_outlives_its_containers()
    {
        await using var lab = await EngineLab.OpenAsync();
        ContainerOptions Mounted(ContainerOptions options) => options with { Mounts = [new VolumeMount("stack_data", "/data")] };
        var first = await lab.RunAsync(lab.Shell("cat /data/sub/file; echo mine > /data/own", Mounted));
        Assert.Equal("of the image\n", first.Output);
        await lab.Engine.RemoveAsync(lab.Engine.Containers.Single());
        Assert.Equal("mine\n", (await lab.RunAsync(lab.Shell("cat /data/own", Mounted))).Output);
    }

    [Fact]
    public async Task Mounts_are_read_only_when_asked_and_own_volumes_go_with_the_container()
    {
        await using var lab = await EngineLab.OpenAsync();
        var source = Directory.CreateDirectory(Path.Combine(lab.Options.DataDirectory, "bound")).FullName;
        var (exit, output) = await lab.RunAsync(lab.Shell(
            "touch /bound/x && echo wrote; touch /own/x && echo own; touch /x && echo root; touch /scratch/x && echo scratch; stat -c %a /scratch; exit 0",
            o => o with
            {
                ReadOnly = true,
                Mounts = [new BindMount(source, "/bound", ReadOnly: true), new VolumeMount(null, "/own"), new TemporaryMount("/scratch", 1 << 20, 0x1ed)],
            }));
        Assert.Equal(0, exit.ExitCode);
        Assert.Equal(["own", "scratch", "755"], output.Split('\n').Where(l => l.Length > 0 && !l.StartsWith("touch", StringComparison.Ordinal)));
        Assert.Single(lab.Engine.Volumes.Names);
        await lab.Engine.RemoveAsync(lab.Engine.Containers.Single());
        Assert.Empty(lab.Engine.Volumes.Names);
    }

    [Fact]
    public async Task No_link_in_a_volume_leads_out_of_it_whenever_it_is_made()
    {
        await using var lab = await EngineLab.OpenAsync();
        var outside = Directory.CreateDirectory(Path.Combine(lab.Options.DataDirectory, "outside")).FullName;
        File.WriteAllText(Path.Combine(outside, "secret"), "of the machine");
        ContainerMount[] whole = [new VolumeMount("shared", "/v")], part = [new VolumeMount("shared", "/s", Subpath: "sub")];
        foreach (var link in new[] { outside, "../../../../../../../../.." + outside })
        {
            await lab.RunAsync(lab.Shell("rm -rf /v/sub; mkdir /v/sub; echo shown > /v/sub/secret", o => o with { Mounts = whole }));
            Assert.Equal("shown\n", (await lab.RunAsync(lab.Shell("cat /s/secret", o => o with { Mounts = part }))).Output);
            var waiting = lab.Engine.Create(lab.Shell("cat /s/secret", o => o with { Mounts = part }));
            // Another container that has the volume puts a link there, between this one's creation and its start.
            await lab.RunAsync(lab.Shell($"rm -rf /v/sub; ln -s {link} /v/sub", o => o with { Mounts = whole }));
            await Assert.ThrowsAsync<ContainerException>(() => lab.Engine.StartAsync(waiting));
            Assert.Equal("", await EngineLab.LogAsync(waiting));
        }
    }

    [Fact]
    public async Task A_bind_mount_of_what_is_not_there_is_refused_and_leaves_nothing()
    {
        await using var lab = await EngineLab.OpenAsync();
        var missing = Path.Combine(lab.Options.DataDirectory, "missing");
        var options = lab.Shell("true", o => o with { Mounts = [new BindMount(missing, "/x")] });
        var error = Assert.Throws<ContainerException>(() => lab.Engine.Create(options));
        Assert.Contains(missing, error.Message, StringComparison.Ordinal);
        Assert.Null(lab.Engine.Find(options.Id));
        Assert.Equal(0, (await lab.RunAsync(options with { Mounts = [new BindMount(missing, "/x", CreateSource: true)] })).Exit.ExitCode);
    }

    [Fact]
    public async Task More_memory_than_the_limit_is_the_end_and_said_so()
    {
        await using var lab = await EngineLab.OpenAsync();
        var (exit, _) = await lab.RunAsync(lab.Shell(
            "dd if=/dev/zero of=/dev/null bs=64M count=1", o => o with { Command = ["dd", "if=/dev/zero", "of=/dev/null", "bs=64M", "count=1"], Limits = new ContainerLimits(MemoryBytes: 16 << 20) }));
        Assert.Equal((137, true), (exit.ExitCode, exit.OomKilled));
    }

    [Fact]
    public async Task What_an_ended_container_held_is_given_back_and_its_log_stays()
    {
        await using var lab = await EngineLab.OpenAsync();
        await lab.RunAsync(lab.Shell("echo said; echo x > /written"));
        var container = lab.Engine.Containers.Single();
        Assert.False(container.IsReleased);
        await lab.Engine.ReleaseAsync(container);
        Assert.True(container.IsReleased);
        Assert.Equal("said\n", await EngineLab.LogAsync(container));
        var again = (await lab.ReopenAsync()).Containers.Single();
        Assert.Equal((ContainerState.Ended, true), (again.State, again.IsReleased));
        await lab.Engine.RemoveAsync(again);
        Assert.Empty(Directory.EnumerateFileSystemEntries(Path.Combine(lab.Options.DataDirectory, "containers")));
    }

    [Fact]
    public async Task Many_containers_start_side_by_side()
    {
        await using var lab = await EngineLab.OpenAsync();
        var containers = await Task.WhenAll(Enumerable.Range(0, 12).Select(n => Task.Run(() => lab.StartAsync(lab.Shell("exec sleep 1000", o => o with { Id = $"side-{n}" })))));
        Assert.All(containers, c => Assert.Equal(ContainerState.Running, c.State));
        await Task.WhenAll(containers.Select(c => c.StopAsync(TimeSpan.Zero, TestContext.Current.CancellationToken)));
    }
}
