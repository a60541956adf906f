using System.CommandLine;
using Microsoft.Extensions.Logging;
using Orchestrator.Control;
using Orchestrator.Control.Dispatching;

namespace Orchestrator.Daemon;

/// <summary><c>orcd server</c></summary>
internal sealed class ServerCommand
{
    private readonly DaemonOptions _daemon = new();
    private readonly Option<string?> _listen = new("--listen") { Description = "address to bind to (default: all)", HelpName = "IP" };
    private readonly Option<string?> _advertise = new("--advertise") { Description = "how other machines reach this one (default: its first address)", HelpName = "HOST" };
    private readonly Option<int?> _apiPort = new("--api-port") { Description = "port for clients, agents and servers (default 4600)", HelpName = "PORT" };
    private readonly Option<int?> _raftPort = new("--raft-port") { Description = "port for Raft between servers (default 4601)", HelpName = "PORT" };
    private readonly Option<string?> _metrics = new("--metrics") { Description = "serve Prometheus metrics here, without TLS (default: off)", HelpName = "HOST:PORT" };
    private readonly Option<TimeSpan> _period = Duration.Option("--heartbeat-period", HeartbeatRule.Default.Period, "how often agents show that they live");
    private readonly Option<TimeSpan> _downAfter = Duration.Option("--node-down-after", HeartbeatRule.Default.DownAfter, "silence after which a node is down");

    public static Command Create()
    {
        var server = new ServerCommand();
        var command = new Command("server", "Runs a server: the first one begins a cluster, --join makes it one of an existing cluster.");
        server._daemon.AddTo(command);
        foreach (var option in new Option[] { server._listen, server._advertise, server._apiPort, server._raftPort, server._metrics, server._period, server._downAfter })
            command.Add(option);
        command.SetAction((parsed, _) => server.RunAsync(parsed));
        return command;
    }

    private Task<int> RunAsync(ParseResult parsed) => DaemonProcess.RunAsync(
        parsed.GetRequiredValue(_daemon.LogLevel), (loggers, stop) => ServeAsync(Options(parsed), loggers, stop), e => e is ServerStartException);

    public static async Task ServeAsync(ServerOptions options, ILoggerFactory loggers, CancellationToken stop)
    {
        await using var server = await ControlServer.StartAsync(options, loggers, stop);
        foreach (var line in server.Welcome)
            Console.WriteLine(line);
        SystemdNotify.Ready();
        await server.Completion.WaitAsync(stop);
    }

    private ServerOptions Options(ParseResult parsed) => new()
    {
        DataDirectory = parsed.GetRequiredValue(_daemon.DataDirectory),
        Listen = parsed.GetValue(_listen),
        Advertise = parsed.GetValue(_advertise),
        ApiPort = parsed.GetValue(_apiPort),
        RaftPort = parsed.GetValue(_raftPort),
        Hostname = parsed.GetValue(_daemon.Hostname),
        Join = _daemon.Addresses(parsed),
        Token = parsed.GetValue(_daemon.Token),
        InsecureRegistries = parsed.GetRequiredValue(_daemon.InsecureRegistries),
        Heartbeat = new HeartbeatRule(parsed.GetRequiredValue(_period), parsed.GetRequiredValue(_downAfter)),
        Metrics = parsed.GetValue(_metrics),
    };
}
