using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;
using System.Net;
using System.Net.NetworkInformation;
using System.Net.Sockets;
using Microsoft.Extensions.Logging;
using Orchestrator.Agent;
using Orchestrator.Model.Scheduling;
using Orchestrator.Transport;

namespace Orchestrator.Daemon;

/// <summary><c>orcd agent</c></summary>
internal sealed class AgentCommand
{
    private const int CpusMost = 100_000;

    private readonly DaemonOptions _daemon = new();
    private readonly Option<string> _run = new("--run-dir")
    {
        Description = "runtime state and network namespaces; may be lost with a reboot", HelpName = "DIR", DefaultValueFactory = _ => "/run/orchestrator",
    };
    private readonly Option<IPAddress?> _advertise = new("--advertise")
    {
        Description = "how other nodes reach this one (default: its first address)", HelpName = "IP", CustomParser = ParseAddress,
    };
    private readonly Option<string[]> _labels = new("--label") { Description = "label of this node, given at its first registration (repeatable)", HelpName = "KEY=VALUE" };
    private readonly Option<string> _runtime = new("--runtime")
    {
        Description = "container runtime (default: beside orcd)", HelpName = "PATH", DefaultValueFactory = _ => Path.Combine(AppContext.BaseDirectory, "orc-runtime"),
    };
    private readonly Option<string> _cgroupParent = new("--cgroup-parent")
    {
        Description = "cgroup that containers' ones are made below", HelpName = "NAME", DefaultValueFactory = _ => "orchestrator",
    };
    private readonly Option<decimal> _cpus = new("--cpus") { Description = "cores that the scheduler may give away (default: all)", HelpName = "N" };
    private readonly Option<long> _memory = new("--memory")
    {
        Description = "memory that the scheduler may give away (default: all)", HelpName = "BYTES|512M|16G", CustomParser = result => ParseBytes(result, 1),
    };
    private readonly Option<decimal?> _reserveCpus = new("--reserve-cpus") { Description = "cores of these kept back for the machine itself (default: none)", HelpName = "N" };
    private readonly Option<long?> _reserveMemory = new("--reserve-memory")
    {
        Description = "memory of this kept back for the machine itself (default: a twentieth, 128M to 1G; none with --memory)", HelpName = "BYTES|512M|16G",
        CustomParser = result => ParseBytes(result, 0),
    };
    private readonly Option<string[]> _resources = new("--resource")
    {
        Description = "countable thing that replicas may reserve, such as gpu=2 (repeatable)", HelpName = "NAME=N", DefaultValueFactory = _ => [],
    };

    private AgentCommand()
    {
        _labels.Validators.Add(result =>
        {
            foreach (var token in result.Tokens.Where(t => t.Value.IndexOf('=', StringComparison.Ordinal) < 1))
                result.AddError($"--label {token.Value}: expected KEY=VALUE");
        });
        _cpus.Validators.Add(result =>
        {
            if (result.Tokens.Count > 0 && result.GetValueOrDefault<decimal>() is not (> 0 and <= CpusMost))
                result.AddError($"--cpus: expected a number above 0 and at most {CpusMost}, as in 1.5");
        });
        _reserveCpus.Validators.Add(result =>
        {
            if (result.Tokens.Count > 0 && result.GetValueOrDefault<decimal?>() is not (>= 0 and <= CpusMost))
                result.AddError($"--reserve-cpus: expected a number from 0 to {CpusMost}, as in 0.5");
        });
        _resources.Validators.Add(result =>
        {
            foreach (var token in result.Tokens.Where(t => ParseResource(t.Value) is null))
                result.AddError($"--resource {token.Value}: expected NAME=N, as in gpu=2");
        });
    }

    public static Command Create()
    {
        var agent = new AgentCommand();
        var command = new Command("agent", "Runs a worker. The first start needs --join and --token, later ones find both in the data directory.");
        agent._daemon.AddTo(command);
        foreach (var option in new Option[] { agent._run, agent._advertise, agent._labels, agent._runtime, agent._cgroupParent, agent._cpus, agent._memory })
            command.Add(option);
        foreach (var option in new Option[] { agent._reserveCpus, agent._reserveMemory, agent._resources })
            command.Add(option);
        command.SetAction((parsed, _) => agent.RunAsync(parsed));
        return command;
    }

    private Task<int> RunAsync(ParseResult parsed) => DaemonProcess.RunAsync(
        parsed.GetRequiredValue(_daemon.LogLevel), (loggers, stop) => ServeAsync(Options(parsed), loggers, stop), e => e is JoinException);

    private static Task ServeAsync(AgentOptions options, ILoggerFactory loggers, CancellationToken stop)
    {
        SystemdNotify.Ready();
        return new AgentNode(options, loggers).RunAsync(stop);
    }

    private AgentOptions Options(ParseResult parsed) => new()
    {
        DataDirectory = Path.GetFullPath(parsed.GetRequiredValue(_daemon.DataDirectory)),
        RunDirectory = Path.GetFullPath(parsed.GetRequiredValue(_run)),
        RuntimePath = Path.GetFullPath(parsed.GetRequiredValue(_runtime)),
        CgroupParent = parsed.GetRequiredValue(_cgroupParent).Trim('/'),
        Address = parsed.GetValue(_advertise) ?? FirstAddress(),
        Hostname = parsed.GetValue(_daemon.Hostname) ?? Environment.MachineName,
        Servers = _daemon.Addresses(parsed),
        Token = parsed.GetValue(_daemon.Token) is { } token ? ParseToken(token) : null,
        Labels = (parsed.GetValue(_labels) ?? []).Select(l => l.Split('=', 2)).GroupBy(l => l[0]).ToDictionary(g => g.Key, g => g.Last()[1]),
        InsecureRegistries = parsed.GetRequiredValue(_daemon.InsecureRegistries).ToHashSet(),
        NanoCpus = (long)(parsed.GetValue(_cpus) * 1_000_000_000),
        MemoryBytes = parsed.GetValue(_memory),
        ReservedNanoCpus = (long?)(parsed.GetValue(_reserveCpus) * 1_000_000_000),
        ReservedMemoryBytes = parsed.GetValue(_reserveMemory),
        Resources = parsed.GetRequiredValue(_resources).Select(r => ParseResource(r)!.Value).GroupBy(r => r.Name).ToDictionary(g => g.Key, g => g.Last().Count),
    };

    private static (string Name, long Count)? ParseResource(string text) =>
        text.Split('=') is [var name, var number] && PlacementLimits.IsResourceName(name)
        && long.TryParse(number, NumberStyles.None, CultureInfo.InvariantCulture, out var count)
            ? (name, count)
            : null;

    private static JoinToken ParseToken(string text)
    {
        if (!JoinToken.TryParse(text, out var token, out var error))
            throw new JoinException($"--token: {error}", isFinal: true);
        return token.Role == Role.Agent ? token : throw new JoinException("--token: this is the servers' token; an agent needs ORC-1-agent-...", isFinal: true);
    }

    private static IPAddress FirstAddress() =>
        NetworkInterface.GetAllNetworkInterfaces()
            .Where(i => i.OperationalStatus == OperationalStatus.Up && i.NetworkInterfaceType != NetworkInterfaceType.Loopback)
            .SelectMany(i => i.GetIPProperties().UnicastAddresses).Select(a => a.Address)
            .FirstOrDefault(a => a.AddressFamily == AddressFamily.InterNetwork) ?? IPAddress.Loopback;

    private static IPAddress? ParseAddress(ArgumentResult result)
    {
        if (IPAddress.TryParse(result.Tokens[0].Value, out var address) && address.AddressFamily == AddressFamily.InterNetwork)
            return address;
        result.AddError($"--advertise {result.Tokens[0].Value}: expected an IPv4 address");
        return null;
    }

    private static long ParseBytes(ArgumentResult result, long least)
    {
        var text = result.Tokens[0].Value;
        var shift = "KMGT".IndexOf(char.ToUpperInvariant(text.Length > 0 ? text[^1] : ' '), StringComparison.Ordinal);
        var number = shift < 0 ? text : text[..^1];
        if (long.TryParse(number, NumberStyles.None, CultureInfo.InvariantCulture, out var value) && value >= least && value <= long.MaxValue >> ((shift + 1) * 10))
            return value << ((shift + 1) * 10);
        result.AddError($"{(result.Parent as OptionResult)?.Option.Name} {text}: expected bytes, or a number with K, M, G or T");
        return 0;
    }
}
