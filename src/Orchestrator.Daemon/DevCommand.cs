using System.CommandLine;
using System.Net;
using Microsoft.Extensions.Logging;
using Orchestrator.Agent;
using Orchestrator.Control;
using Orchestrator.Transport;

namespace Orchestrator.Daemon;

/// <summary><c>orcd dev</c>: a cluster of one machine in one process, reachable from this machine alone.</summary>
internal sealed class DevCommand
{
    private readonly Option<string> _data = new("--data-dir")
    {
        Description = "where everything is kept", HelpName = "DIR", DefaultValueFactory = _ => "/var/lib/orchestrator",
    };
    private readonly Option<string> _run = new("--run-dir")
    {
        Description = "runtime state and network namespaces; may be lost with a reboot", HelpName = "DIR", DefaultValueFactory = _ => "/run/orchestrator",
    };
    private readonly Option<int?> _apiPort = new("--api-port") { Description = "port for clients (default 4600)", HelpName = "PORT" };
    private readonly Option<int?> _raftPort = new("--raft-port") { Description = "port for Raft (default 4601)", HelpName = "PORT" };
    private readonly Option<string> _cgroupParent = new("--cgroup-parent")
    {
        Description = "cgroup that containers' ones are made below", HelpName = "NAME", DefaultValueFactory = _ => "orchestrator",
    };
    private readonly Option<string[]> _insecureRegistries = new("--insecure-registry")
    {
        Description = "registry to speak plain HTTP to (repeatable); loopback ones always are", HelpName = "HOST[:PORT]", DefaultValueFactory = _ => [],
    };
    private readonly Option<LogLevel> _logLevel = new("--log-level")
    {
        Description = "least level that is logged", HelpName = "debug|information|warning|error", DefaultValueFactory = _ => LogLevel.Information,
    };

    public static Command Create()
    {
        var dev = new DevCommand();
        var command = new Command("dev", "Runs a server and an agent in one process, for one machine.");
        foreach (var option in new Option[] { dev._data, dev._run, dev._apiPort, dev._raftPort, dev._cgroupParent, dev._insecureRegistries, dev._logLevel })
            command.Add(option);
        command.SetAction((parsed, _) => dev.RunAsync(parsed));
        return command;
    }

    private Task<int> RunAsync(ParseResult parsed) => DaemonProcess.RunAsync(
        parsed.GetRequiredValue(_logLevel), (loggers, stop) => ServeAsync(parsed, loggers, stop), e => e is ServerStartException or JoinException);

    private async Task ServeAsync(ParseResult parsed, ILoggerFactory loggers, CancellationToken stop)
    {
        var options = new ServerOptions
        {
            DataDirectory = Path.GetFullPath(parsed.GetRequiredValue(_data)),
            Listen = IPAddress.Loopback.ToString(),
            ApiPort = parsed.GetValue(_apiPort),
            RaftPort = parsed.GetValue(_raftPort),
            InsecureRegistries = [.. parsed.GetRequiredValue(_insecureRegistries)],
        };
        await using var server = await ControlServer.StartAsync(options, loggers, stop);
        Console.WriteLine($"A cluster of this machine alone. The context for orc: {Path.Combine(options.DataDirectory, "admin.json")}");
        SystemdNotify.Ready();
        var agent = new AgentNode(AgentOptions(parsed, server), loggers).RunAsync(stop);
        await await Task.WhenAny(server.Completion.WaitAsync(stop), agent);
        await agent;
    }

    private AgentOptions AgentOptions(ParseResult parsed, ControlServer server) => new()
    {
        DataDirectory = Path.GetFullPath(parsed.GetRequiredValue(_data)),
        RunDirectory = Path.GetFullPath(parsed.GetRequiredValue(_run)),
        RuntimePath = Path.Combine(AppContext.BaseDirectory, "orc-runtime"),
        CgroupParent = parsed.GetRequiredValue(_cgroupParent).Trim('/'),
        InsecureRegistries = parsed.GetRequiredValue(_insecureRegistries).ToHashSet(),
        Address = IPAddress.Loopback,
        Hostname = Environment.MachineName,
        Servers = [server.ApiAddress],
        Token = JoinToken.TryParse(server.AgentToken, out var token, out var error) ? token : throw new JoinException(error, isFinal: true),
    };
}
