using System.Text;
using Orchestrator.Engine.Containers;
using Xunit;

namespace Orchestrator.Tests.Engine.Containers;

public sealed class ExecSessionTests
{
    [Fact]
    public async Task A_command_runs_beside_the_container_with_its_own_streams()
    {
        await using var lab = await EngineLab.OpenAsync();
        var container = await lab.StartAsync(lab.Shell("exec sleep 1000"));
        await using var session = lab.Engine.Exec(container, new ExecOptions(["sh", "-c", "cat; echo err >&2; id -u; exit 3"]) { User = "web" });
        session.Input.Write("in\n"u8);
        session.Input.Close();
        Assert.Equal(("in\n123\n", "err\n"), (await ReadAsync(session.Output), await ReadAsync(session.Error)));
        Assert.Equal(3, await session.WaitAsync(TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task A_terminal_has_the_size_that_it_is_told()
    {
        await using var lab = await EngineLab.OpenAsync();
        var container = await lab.StartAsync(lab.Shell("exec sleep 1000"));
        await using var session = lab.Engine.Exec(container, new ExecOptions(["sh", "-c", "while read x; do busybox stty size; done"]) { Tty = true });
        session.Resize(97, 43);
        var output = new StringBuilder();
        var buffer = new byte[1024];
        while (!output.ToString().Contains("43 97", StringComparison.Ordinal))
        {
            session.Input.Write("\n"u8);
            session.Input.Flush();
            output.Append(Encoding.UTF8.GetString(buffer, 0, await session.Output.ReadAsync(buffer, TestContext.Current.CancellationToken)));
        }
    }

    [Fact]
    public async Task Where_nothing_runs_nothing_can_be_run()
    {
        await using var lab = await EngineLab.OpenAsync();
        var container = await lab.StartAsync(lab.Shell("exit 0"));
        await container.Ended.WaitAsync(TestContext.Current.CancellationToken);
        Assert.Contains(container.Id, Assert.Throws<ContainerException>(() => lab.Engine.Exec(container, new ExecOptions(["true"]))).Message, StringComparison.Ordinal);
    }

    private static async Task<string> ReadAsync(Stream stream)
    {
        using var reader = new StreamReader(stream);
        return await reader.ReadToEndAsync(TestContext.Current.CancellationToken);
    }
}
