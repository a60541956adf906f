using System.CommandLine;
using Microsoft.Extensions.Logging;

namespace Orchestrator.Daemon;

/// <summary>The flags that every command of the daemon has.</summary>
internal sealed class DaemonOptions
{
    public Option<string> DataDirectory { get; } = new("--data-dir")
    {
        Description = "where everything is kept", HelpName = "DIR", DefaultValueFactory = _ => "/var/lib/orchestrator",
    };

    public Option<string?> Hostname { get; } = new("--hostname") { Description = "name of this node (default: the machine's)", HelpName = "NAME" };

    public Option<string[]> Join { get; } = new("--join")
    {
        Description = "servers of the cluster to join", HelpName = "HOST:PORT[,HOST:PORT]", DefaultValueFactory = _ => [],
    };

    public Option<string?> Token { get; } = new("--token") { Description = "join token, with --join", HelpName = "ORC-1-..." };

    public Option<string[]> InsecureRegistries { get; } = new("--insecure-registry")
    {
        Description = "registry to speak plain HTTP to (repeatable); loopback ones always are", HelpName = "HOST[:PORT]", DefaultValueFactory = _ => [],
    };

    public Option<LogLevel> LogLevel { get; } = new("--log-level")
    {
        Description = "least level that is logged", HelpName = "debug|information|warning|error",
        DefaultValueFactory = _ => Microsoft.Extensions.Logging.LogLevel.Information,
    };

    public void AddTo(Command command)
    {
        foreach (var option in new Option[] { DataDirectory, Hostname, Join, Token, InsecureRegistries, LogLevel })
            command.Add(option);
    }

    public IReadOnlyList<string> Addresses(ParseResult parsed) =>
        [.. parsed.GetRequiredValue(Join).SelectMany(list => list.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries))];
}
