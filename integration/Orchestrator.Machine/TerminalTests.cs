using Xunit;

namespace Orchestrator.Machine;

/// <summary>What is typed and seen: terminals, input, leaving and coming back.</summary>
[Collection(MachineDefinition.Name)]
public sealed class TerminalTests
{
    private readonly Machine _machine;

    public TerminalTests(Machine machine)
    {
        Machine.NeedsRoot();
        _machine = machine;
    }

    [Fact]
    public async Task Input_goes_in_until_its_end() =>
        Assert.Equal("hello\n2\n", (await _machine.OrcWithInputAsync("hello\n2\n", "run", "--rm", "-i", Machine.Image, "cat")).Succeeded());

    [Fact]
    public async Task Output_comes_byte_by_byte_also_without_a_line_end() =>
        Assert.Equal("no end", (await _machine.ShellAsync("printf 'no end'", "--rm")).Succeeded());

    [Fact]
    public async Task A_shell_on_a_terminal_knows_its_size_and_ends_with_its_code()
    {
        var terminal = Path.Combine(_machine.Directory, "terminal");
        using var run = _machine.StartOnTerminal($"tty > {terminal}; stty rows 40 cols 100", "run", "-it", "--rm", Machine.Image, "sh");
        await Machine.ReadUntilAsync(run, "#");
        await TypeAsync(run, "stty size\n");
        await Machine.ReadUntilAsync(run, "40 100");
        (await Machine.RunAsync("stty", ["-F", (await File.ReadAllTextAsync(terminal)).Trim(), "rows", "50", "cols", "120"])).Succeeded();
        await TypeAsync(run, "until [ \"$(stty size)\" = '50 120' ]; do sleep 0.05; done; echo res''ized\n");
        await Machine.ReadUntilAsync(run, "resized");
        await TypeAsync(run, "exit 9\n");
        Assert.Equal(9, await Machine.EndAsync(run));
    }

    [Fact]
    public async Task Ctrl_c_is_the_programs_on_a_terminal()
    {
        using var run = _machine.StartOnTerminal("true", "run", "-it", "--rm", Machine.Image, "sh", "-c", "trap 'echo cau''ght; exit 8' INT; echo re''ady; while true; do sleep 0.05; done");
        await Machine.ReadUntilAsync(run, "ready");
        await TypeAsync(run, "\u0003");
        await Machine.ReadUntilAsync(run, "caught");
        Assert.Equal(8, await Machine.EndAsync(run));
    }

    [Fact]
    public async Task Who_leaves_by_keys_finds_it_running_and_comes_back()
    {
        var name = _machine.NewName();
        using (var run = _machine.StartOnTerminal("true", "run", "-it", "--name", name, Machine.Image, "sh"))
        {
            await Machine.ReadUntilAsync(run, "#");
            await TypeAsync(run, "mark=kept\n");
            await TypeAsync(run, "\u0010\u0011");
            Assert.Equal(0, await Machine.EndAsync(run));
        }
        Assert.Equal("running", await _machine.InspectAsync(name, "{{.State.Status}}"));
        using (var attach = _machine.StartOnTerminal("true", "attach", name))
        {
            await TypeAsync(attach, "echo still $mark\n");
            await Machine.ReadUntilAsync(attach, "still kept");
            await TypeAsync(attach, "exit 4\n");
            Assert.Equal(4, await Machine.EndAsync(attach));
        }
        await _machine.RemoveAsync(name);
    }

    [Fact]
    public async Task Several_see_the_same()
    {
        var name = await _machine.BackgroundAsync("while [ ! -e /go ]; do echo waiting; sleep 0.05; done; echo seen; exit 3");
        using var first = _machine.Start("attach", name);
        using var second = _machine.Start("attach", "--no-stdin", name);
        await Machine.ReadUntilAsync(first, "waiting");
        await Machine.ReadUntilAsync(second, "waiting");
        (await _machine.OrcAsync("exec", name, "touch", "/go")).Succeeded();
        await Machine.ReadUntilAsync(first, "seen");
        await Machine.ReadUntilAsync(second, "seen");
        Assert.Equal((3, 3), (await Machine.EndAsync(first), await Machine.EndAsync(second)));
        await _machine.RemoveAsync(name);
    }

    [Fact]
    public async Task Exec_has_a_terminal_of_its_own()
    {
        var name = await _machine.BackgroundAsync("sleep 1000");
        using var exec = _machine.StartOnTerminal("stty rows 33 cols 99", "exec", "-it", name, "sh");
        await Machine.ReadUntilAsync(exec, "#");
        await TypeAsync(exec, "stty size\n");
        await Machine.ReadUntilAsync(exec, "33 99");
        await TypeAsync(exec, "exit 6\n");
        Assert.Equal(6, await Machine.EndAsync(exec));
        await _machine.RemoveAsync(name);
    }

    private static async Task TypeAsync(System.Diagnostics.Process process, string text)
    {
        await process.StandardInput.WriteAsync(text);
        await process.StandardInput.FlushAsync();
    }
}
