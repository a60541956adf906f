using System.CommandLine;
using Orchestrator.Daemon;

var root = new RootCommand("orcd: the daemon of Orchestrator. A machine runs a server (control plane), an agent (worker), or both.")
{
    ServerCommand.Create(),
    AgentCommand.Create(),
    DevCommand.Create(),
};
var parsed = root.Parse(args);
var result = await parsed.InvokeAsync(new InvocationConfiguration { ProcessTerminationTimeout = null });
return parsed.Errors.Count > 0 ? ExitCode.Usage : result;
