using System.Text;
using Orchestrator.Engine.Containers;
using Xunit;

namespace Orchestrator.Tests.Engine.Containers;

/// <summary>Clients of a running container's streams, through the real keeper.</summary>
public sealed class AttachTests
{
    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_client_that_attaches_before_the_start_misses_nothing_and_sees_the_end()
    {
        await using var lab = await EngineLab.OpenAsync();
        var container = lab.Engine.Create(lab.Shell("echo out; echo err >&2; exit 3"));
        await using var client = await lab.Engine.AttachAsync(container, input: false, Stop);
        await lab.Engine.StartAsync(container);
        await client.WhenAttachedAsync(Stop);
        var (output, errors) = await ReadToEndAsync(client);
        Assert.Equal(("out\n", "err\n"), (output, errors));
        Assert.Equal(3, (await container.Ended).ExitCode);
    }

    [Fact]
    public async Task Input_reaches_the_container_however_much_and_its_end_is_the_end()
    {
        await using var lab = await EngineLab.OpenAsync();
        var container = lab.Engine.Create(lab.Shell("sleep 0.2; cat | wc -c", o => o with { Input = ContainerInput.Open }));
        await using var client = await StartAttachedAsync(lab, container, input: true);
        await client.WriteAsync(new byte[1_000_000], Stop);
        await client.EndInputAsync(Stop);
        Assert.Equal("1000000\n", (await ReadToEndAsync(client)).Output);
    }

    [Fact]
    public async Task A_client_that_goes_leaves_the_container_running_and_another_may_come()
    {
        await using var lab = await EngineLab.OpenAsync();
        var container = lab.Engine.Create(lab.Shell("while read line; do echo got $line; done", o => o with { Input = ContainerInput.Open }));
        await using (var first = await StartAttachedAsync(lab, container, input: true))
            await AskAsync(first, "one\n", "got one\n");
        await using var second = await lab.Engine.AttachAsync(container, input: true, Stop);
        await using var third = await lab.Engine.AttachAsync(container, input: false, Stop);
        await second.WhenAttachedAsync(Stop);
        await third.WhenAttachedAsync(Stop);
        await AskAsync(second, "two\n", "got two\n");
        Assert.Equal("got two\n", Encoding.UTF8.GetString((await third.ReadAsync(Stop))!.Value.Bytes.Span));
        Assert.Equal(ContainerState.Running, container.State);
    }

    [Fact]
    public async Task Input_that_lives_until_the_first_client_goes_ends_with_it()
    {
        await using var lab = await EngineLab.OpenAsync();
        var container = lab.Engine.Create(lab.Shell("cat; exit 4", o => o with { Input = ContainerInput.UntilDetach }));
        await using (var client = await StartAttachedAsync(lab, container, input: true))
            await AskAsync(client, "x\n", "x\n");
        Assert.Equal(4, (await container.Ended.WaitAsync(TimeSpan.FromSeconds(30), Stop)).ExitCode);
    }

    [Fact]
    public async Task A_terminal_has_the_size_it_is_given_and_takes_keys()
    {
        await using var lab = await EngineLab.OpenAsync();
        var container = lab.Engine.Create(lab.Shell("trap 'exit 9' INT; read x; stty size; read x", o => o with { Input = ContainerInput.Open, Terminal = true }));
        await using var client = await StartAttachedAsync(lab, container, input: true);
        await client.ResizeAsync(132, 43, Stop);
        await client.WriteAsync("\n"u8.ToArray(), Stop);
        await AwaitAsync(client, "43 132\r\n");
        // The key that interrupts.
        await client.WriteAsync(new byte[] { 3 }, Stop);
        Assert.Equal(9, (await container.Ended.WaitAsync(TimeSpan.FromSeconds(30), Stop)).ExitCode);
    }

    [Fact]
    public async Task A_client_that_does_not_read_holds_up_nobody_and_is_told_what_it_missed()
    {
        await using var lab = await EngineLab.OpenAsync();
        const int lines = 400_000;
        var container = lab.Engine.Create(lab.Shell($"seq {lines}"));
        await using var slow = await lab.Engine.AttachAsync(container, input: false, Stop);
        await lab.Engine.StartAsync(container);
        await container.Ended.WaitAsync(TimeSpan.FromSeconds(60), Stop);
        await slow.WhenAttachedAsync(Stop);
        long read = 0, missed = 0;
        while (await slow.ReadAsync(Stop) is { } piece)
        {
            read += piece.Bytes.Length;
            missed += piece.Missed;
        }
        Assert.True(missed > 0);
        Assert.Equal(Enumerable.Range(1, lines).Sum(n => $"{n}\n".Length), read + missed);
        Assert.EndsWith($"\n{lines}\n", await EngineLab.LogAsync(container), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Who_attaches_to_what_does_not_run_is_told()
    {
        await using var lab = await EngineLab.OpenAsync();
        var container = lab.Engine.Create(lab.Shell("", o => o with { Command = ["/no/such"] }));
        await using var client = await lab.Engine.AttachAsync(container, input: false, Stop);
        await Assert.ThrowsAsync<ContainerException>(() => lab.Engine.StartAsync(container));
        var error = await Assert.ThrowsAsync<ContainerException>(() => client.WhenAttachedAsync(Stop));
        Assert.Contains("/no/such", error.Message, StringComparison.Ordinal);
    }

    private static async Task<AttachSession> StartAttachedAsync(EngineLab lab, Container container, bool input)
    {
        var client = await lab.Engine.AttachAsync(container, input, Stop);
        await lab.Engine.StartAsync(container);
        await client.WhenAttachedAsync(Stop);
        return client;
    }

    private static async Task AskAsync(AttachSession client, string input, string answer)
    {
        await client.WriteAsync(Encoding.UTF8.GetBytes(input), Stop);
        await AwaitAsync(client, answer);
    }

    private static async Task AwaitAsync(AttachSession client, string text)
    {
        var said = new StringBuilder();
        while (!said.ToString().Contains(text, StringComparison.Ordinal))
        {
            var piece = await client.ReadAsync(Stop);
            Assert.True(piece is not null, $"ended without saying {text}: {said}");
            said.Append(Encoding.UTF8.GetString(piece.Value.Bytes.Span));
        }
    }

    private static async Task<(string Output, string Errors)> ReadToEndAsync(AttachSession client)
    {
        var (output, errors) = (new StringBuilder(), new StringBuilder());
        while (await client.ReadAsync(Stop) is { } piece)
            (piece.Stream == AttachedStream.Errors ? errors : output).Append(Encoding.UTF8.GetString(piece.Bytes.Span));
        return (output.ToString(), errors.ToString());
    }
}
