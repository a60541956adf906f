using System.Text.Json;
using Orchestrator.Linux;
using Orchestrator.Runtime.Containers;

namespace Orchestrator.Runtime.Verbs;

internal static class StateVerb
{
    public static int Run(string root, string[] args)
    {
        var state = new Container(root, Arguments.Parse(args, [], [], 2).Operand(0, "the container's id")).State();
        FileDescriptors.Write(1, JsonSerializer.Serialize(state, ContainerJson.Default.StateReport) + "\n");
        return 0;
    }
}

internal static class ListVerb
{
    public static int Run(string root, string[] args)
    {
        var arguments = Arguments.Parse(args, ["-q", "--quiet"], ["--format", "-f"], 1);
        // One that is being deleted at this moment has no record any more.
        var states = Container.List(root).Where(c => c.Record is not null).Select(c => c.State()).ToArray();
        if (arguments.Has("-q", "--quiet"))
            FileDescriptors.Write(1, string.Concat(states.Select(s => s.Id + "\n")));
        else if (arguments.Value("--format", "-f") == "json")
            FileDescriptors.Write(1, JsonSerializer.Serialize(states, ContainerJson.Default.StateReportArray) + "\n");
        else
            FileDescriptors.Write(1, $"{"ID",-30} {"PID",-8} {"STATUS",-8} BUNDLE\n" + string.Concat(states.Select(s => $"{s.Id,-30} {s.Pid,-8} {s.Status,-8} {s.Bundle}\n")));
        return 0;
    }
}
