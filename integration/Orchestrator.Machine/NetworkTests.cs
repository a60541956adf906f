using Xunit;

namespace Orchestrator.Machine;

/// <summary>The machine's network, published ports, and other networks.</summary>
[Collection(MachineDefinition.Name)]
public sealed class NetworkTests
{
    private const string Serve = "while true; do printf 'HTTP/1.0 200 OK\\r\\n\\r\\nhello\\n' | nc -l -p 80 >/dev/null; done";

    private readonly Machine _machine;

    public NetworkTests(Machine machine)
    {
        Machine.NeedsRoot();
        _machine = machine;
    }

    [Fact]
    public async Task A_published_port_answers_outside_inside_and_only_where_it_was_asked_for()
    {
        var name = await _machine.BackgroundAsync(Serve, "-p", "18081:80", "-p", "127.0.0.1:18082:80", "-p", "80");
        var random = (await _machine.OrcAsync("port", name, "80")).Succeeded().Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(l => l.Split(':')[1]).Single(p => p is not ("18081" or "18082"));
        await AnswersAsync("outside", $"{Machine.Address}:18081");
        await AnswersAsync("outside", $"{Machine.Address}:{random}");
        await AnswersAsync("inside", "127.0.0.1:18081");
        await AnswersAsync("inside", "127.0.0.1:18082");
        Assert.NotEqual(0, (await _machine.ScriptAsync("outside", "curl", "-s", "--max-time", "1", $"http://{Machine.Address}:18082/")).ExitCode);
        Assert.Contains("18081", (await _machine.OrcAsync("run", "--rm", "-p", "18081:1", Machine.Image)).Refused(125), StringComparison.Ordinal);
        await _machine.RemoveAsync(name);
        Assert.NotEqual(0, (await _machine.ScriptAsync("outside", "curl", "-s", "--max-time", "1", $"http://{Machine.Address}:18081/")).ExitCode);
    }

    [Fact]
    public async Task Containers_find_each_other_by_name_and_the_world_through_the_machine()
    {
        var name = await _machine.BackgroundAsync(Serve);
        await Machine.AwaitAsync("an answer by name", async () =>
            (await _machine.ShellAsync(Ask($"$(nslookup {name} | tail -n 3 | sed -n 's/^Address: //p')"), "--rm")).Output == "hello\n");
        (await _machine.ShellAsync("ping -c 1 -W 2 10.97.0.2", "--rm")).Succeeded();
        await _machine.RemoveAsync(name);
    }

    [Fact]
    public async Task Networks_of_others_are_shared_and_none_is_none()
    {
        var interfaces = "ls /sys/class/net | tr '\\n' ' '";
        Assert.Equal("lo ", (await _machine.ShellAsync(interfaces, "--rm", "--network", "none")).Succeeded());
        Assert.Equal("0\n", (await _machine.ShellAsync($"ip -o addr | grep -c '{Machine.Address}/' | grep -q 1; echo $?", "--rm", "--network", "host")).Succeeded());
        var name = await _machine.BackgroundAsync(Serve);
        await Machine.AwaitAsync("an answer in the shared network", async () =>
            (await _machine.ShellAsync(Ask("127.0.0.1"), "--rm", "--network", $"container:{name}")).Output == "hello\n");
        Assert.Contains("bridge, host, none", (await _machine.OrcAsync("run", "--rm", "--network", "mine", Machine.Image)).Refused(125), StringComparison.Ordinal);
        await _machine.RemoveAsync(name);
    }

    // A static busybox has no resolver for wget; its nslookup brings its own.
    private static string Ask(string address) => $@"printf 'GET / HTTP/1.0\r\n\r\n' | nc -w 2 {address} 80 | tail -n 1";

    private Task AnswersAsync(string where, string address) => Machine.AwaitAsync($"an answer at {address} from {where}", async () =>
        (await _machine.ScriptAsync(where, "curl", "-s", "--max-time", "1", $"http://{address}/")).Output == "hello\n");
}
