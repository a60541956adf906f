using Xunit;

namespace Orchestrator.Machine;

/// <summary>Volumes, mounts, copies, logs, images.</summary>
[Collection(MachineDefinition.Name)]
public sealed class DataTests
{
    private readonly Machine _machine;

    public DataTests(Machine machine)
    {
        Machine.NeedsRoot();
        _machine = machine;
    }

    [Fact]
    public async Task A_named_volume_is_filled_from_the_image_outlives_containers_and_is_not_removed_in_use()
    {
        Assert.Contains("passwd", (await _machine.ShellAsync("ls /etc; echo kept > /etc/kept", "--rm", "-v", "conf:/etc")).Succeeded(), StringComparison.Ordinal);
        var name = await _machine.BackgroundAsync("sleep 1000", "-v", "conf:/conf:ro");
        Assert.Equal("kept\n", (await _machine.OrcAsync("exec", name, "cat", "/conf/kept")).Succeeded());
        Assert.NotEqual(0, (await _machine.OrcAsync("exec", name, "touch", "/conf/new")).ExitCode);
        Assert.Contains(name, (await _machine.OrcAsync("volume", "rm", "conf")).Refused(), StringComparison.Ordinal);
        await _machine.RemoveAsync(name);
        Assert.Contains("conf", (await _machine.OrcAsync("volume", "ls", "-q")).Succeeded(), StringComparison.Ordinal);
        (await _machine.OrcAsync("volume", "rm", "conf")).Succeeded();
    }

    [Fact]
    public async Task Made_volumes_have_labels_subpaths_and_pruning_takes_what_nobody_uses()
    {
        Assert.Equal("made\n", (await _machine.OrcAsync("volume", "create", "--label", "tier=gold", "made")).Succeeded());
        Assert.Equal("gold", (await _machine.OrcAsync("volume", "inspect", "-f", "{{.Labels.tier}}", "made")).Succeeded().Trim());
        (await _machine.ShellAsync("mkdir /v/sub; echo deep > /v/sub/file", "--rm", "-v", "made:/v")).Succeeded();
        Assert.Equal("deep\n", (await _machine.ShellAsync("cat /s/file", "--rm", "--mount", "type=volume,source=made,target=/s,volume-subpath=sub")).Succeeded());
        var name = await _machine.BackgroundAsync("true", "-v", "/anonymous");
        (await _machine.OrcAsync("wait", name)).Succeeded();
        var anonymous = await _machine.InspectAsync(name, "{{.Mounts.0.Name}}");
        (await _machine.OrcAsync("rm", name)).Succeeded();
        var pruned = (await _machine.OrcAsync("volume", "prune", "-f")).Succeeded();
        Assert.Contains(anonymous, pruned, StringComparison.Ordinal);
        Assert.DoesNotContain("made", pruned, StringComparison.Ordinal);
        (await _machine.OrcAsync("volume", "prune", "-f", "--all", "--filter", "label=tier=gold")).Succeeded();
        (await _machine.OrcAsync("volume", "inspect", "made")).Refused();
    }

    [Fact]
    public async Task Anonymous_volumes_go_with_rm()
    {
        var before = (await _machine.OrcAsync("volume", "ls", "-q")).Succeeded();
        (await _machine.ShellAsync("touch /data/x", "--rm", "-v", "/data")).Succeeded();
        Assert.Equal(before, (await _machine.OrcAsync("volume", "ls", "-q")).Succeeded());
    }

    [Fact]
    public async Task A_tmpfs_has_its_size_and_a_bind_mount_its_source()
    {
        var source = Directory.CreateDirectory(Path.Combine(_machine.Directory, "bound")).FullName;
        await File.WriteAllTextAsync(Path.Combine(source, "here"), "of the machine\n");
        var output = (await _machine.ShellAsync("df -k /t | tail -1 | awk '{print $2}'; cat /b/here; touch /b/x || echo refused", "--rm", "--tmpfs", "/t:size=2m", "--mount", $"type=bind,source={source},target=/b,readonly")).Succeeded();
        Assert.Equal("2048\nof the machine\nrefused\n", output);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Files_are_copied_in_and_out_whether_it_runs_or_not(bool runs)
    {
        var tree = Directory.CreateDirectory(Path.Combine(_machine.Directory, $"tree{runs}")).FullName;
        Directory.CreateDirectory(Path.Combine(tree, "sub"));
        await File.WriteAllTextAsync(Path.Combine(tree, "sub/file"), "copied\n");
        File.CreateSymbolicLink(Path.Combine(tree, "link"), "sub/file");
        var name = await _machine.BackgroundAsync(runs ? "sleep 1000" : "true");
        if (!runs)
            (await _machine.OrcAsync("wait", name)).Succeeded();
        (await _machine.OrcAsync("cp", tree, $"{name}:/new")).Succeeded();
        (await _machine.OrcAsync("cp", Path.Combine(tree, "sub/file"), $"{name}:/tmp")).Succeeded();
        (await _machine.OrcAsync("cp", $"{tree}/.", $"{name}:/new")).Succeeded();
        var target = Path.Combine(_machine.Directory, $"out{runs}");
        (await _machine.OrcAsync("cp", $"{name}:/new", target)).Succeeded();
        Assert.Equal("copied\n", await File.ReadAllTextAsync(Path.Combine(target, "link")));
        (await _machine.OrcAsync("cp", $"{name}:/tmp/file", target)).Succeeded();
        Assert.Equal("copied\n", await File.ReadAllTextAsync(Path.Combine(target, "file")));
        Assert.Equal("sub/file", new FileInfo(Path.Combine(target, "link")).LinkTarget);
        Assert.Contains("/tmp/file", (await _machine.OrcAsync("diff", name)).Succeeded(), StringComparison.Ordinal);
        Assert.Contains("no such file", (await _machine.OrcAsync("cp", $"{name}:/missing", target)).Refused(), StringComparison.OrdinalIgnoreCase);
        await _machine.RemoveAsync(name);
    }

    [Fact]
    public async Task Volumes_of_another_are_taken_over_and_outlive_it()
    {
        var volume = _machine.NewName();
        var first = await _machine.BackgroundAsync("echo named > /n/file; echo anonymous > /a/file", "-v", $"{volume}:/n", "-v", "/a");
        (await _machine.OrcAsync("wait", first)).Succeeded();
        var second = await _machine.BackgroundAsync("cat /n/file /a/file; touch /n/x || echo refused; sleep 1000", "--volumes-from", $"{first}:ro");
        await Machine.AwaitAsync("its files", async () => (await _machine.OrcAsync("logs", second)).Output == "named\nanonymous\nrefused\n");
        await _machine.RemoveAsync(first);
        (await _machine.OrcAsync("restart", "-t", "0", second)).Succeeded();
        await Machine.AwaitAsync("them again", async () => (await _machine.OrcAsync("logs", second)).Output == "named\nanonymous\nrefused\nnamed\nanonymous\nrefused\n");
        Assert.Contains("nobody", (await _machine.ShellAsync("true", "--rm", "--volumes-from", "nobody")).Refused(125), StringComparison.Ordinal);
        await _machine.RemoveAsync(second);
    }

    [Fact]
    public async Task No_link_in_a_container_leads_a_copy_out_of_it()
    {
        var secret = Path.Combine(_machine.Directory, "secret");
        await File.WriteAllTextAsync(secret, "of the machine\n");
        var name = await _machine.BackgroundAsync($"ln -s {_machine.Directory} /way; ln -s ../../../../..{_machine.Directory} /up; echo ready; sleep 1000");
        await Machine.AwaitAsync("its links", async () => (await _machine.OrcAsync("logs", name)).Output == "ready\n");
        (await _machine.OrcAsync("cp", $"{name}:/way/secret", Path.Combine(_machine.Directory, "stolen"))).Refused();
        (await _machine.OrcAsync("cp", $"{name}:/up/secret", Path.Combine(_machine.Directory, "stolen"))).Refused();
        (await _machine.OrcAsync("cp", secret, $"{name}:/way/planted")).Refused();
        Assert.False(File.Exists(Path.Combine(_machine.Directory, "planted")));
        Assert.False(File.Exists(Path.Combine(_machine.Directory, "stolen")));
        await _machine.RemoveAsync(name);
    }

    [Fact]
    public async Task Changes_of_files_are_told_apart()
    {
        var name = await _machine.BackgroundAsync("echo x > /added; echo y >> /etc/passwd; rm /bin/vi");
        (await _machine.OrcAsync("wait", name)).Succeeded();
        var changes = (await _machine.OrcAsync("diff", name)).Succeeded().Split('\n');
        Assert.Contains("A /added", changes);
        Assert.Contains("C /etc/passwd", changes);
        Assert.Contains("D /bin/vi", changes);
        await _machine.RemoveAsync(name);
    }

    [Fact]
    public async Task Logs_are_cut_by_lines_and_time_and_followed_to_the_end()
    {
        var name = await _machine.BackgroundAsync("for i in 1 2 3 4 5; do echo line $i; done; echo bad >&2; while [ ! -e /go ]; do sleep 0.05; done; echo last");
        await Machine.AwaitAsync("its lines", async () => (await _machine.OrcAsync("logs", name)).Error.Contains("bad", StringComparison.Ordinal));
        Assert.Equal("line 5\n", (await _machine.OrcAsync("logs", "--tail", "2", name)).Succeeded());
        Assert.Equal("", (await _machine.OrcAsync("logs", "--since", "2050-01-01T00:00:00Z", name)).Succeeded());
        Assert.Equal("", (await _machine.OrcAsync("logs", "--until", "1h", name)).Succeeded());
        Assert.Matches(@"^\d{4}-\d\d-\d\dT[0-9:.]+Z line 1\n", (await _machine.OrcAsync("logs", "-t", name)).Succeeded());
        using var follow = _machine.Start("logs", "-f", name);
        await Machine.ReadUntilAsync(follow, "line 5");
        (await _machine.OrcAsync("exec", name, "touch", "/go")).Succeeded();
        await Machine.ReadUntilAsync(follow, "last");
        Assert.Equal(0, await Machine.EndAsync(follow));
        await _machine.RemoveAsync(name);
    }

    [Fact]
    public async Task Images_are_pulled_listed_tagged_and_not_removed_in_use()
    {
        (await _machine.OrcAsync("image", "pull", Machine.Image)).Succeeded();
        (await _machine.OrcAsync("image", "tag", Machine.Image, "mine:2")).Succeeded();
        Assert.Contains("mine", (await _machine.OrcAsync("image", "ls")).Succeeded(), StringComparison.Ordinal);
        var name = _machine.NewName();
        (await _machine.OrcAsync("create", "--name", name, "mine:2", "true")).Succeeded();
        Assert.Contains("untagged", (await _machine.OrcAsync("image", "rm", "mine:2")).Succeeded(), StringComparison.Ordinal);
        Assert.Contains(name, (await _machine.OrcAsync("image", "rm", Machine.Image)).Refused(), StringComparison.Ordinal);
        (await _machine.OrcAsync("start", "-a", name)).Succeeded();
        await _machine.RemoveAsync(name);
    }
}
