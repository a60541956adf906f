using Orchestrator.Linux;
using Orchestrator.Runtime.Containers;

namespace Orchestrator.Runtime.Verbs;

internal static class KillVerb
{
    public static int Run(string root, string[] args)
    {
        var arguments = Arguments.Parse(args, ["--all", "-a"], [], 2);
        var name = arguments.Operands.Count > 1 ? arguments.Operands[1] : "SIGTERM";
        if (!Signals.TryParse(name, out var signal))
            throw new UsageException($"\"{name}\" is no signal; accepted: as in SIGTERM, TERM or 15");
        var container = new Container(root, arguments.Operand(0, "the container's id"));
        var record = container.RequireRecord();
        using var process = Container.OpenProcess(record);
        if (arguments.Has("--all", "-a") && signal == Signals.Kill)
            Container.CgroupOf(record).KillAll();
        else if (process is null || !Processes.Signal(process, signal))
            throw new RefusedException($"container {container.Id} is not running");
        return 0;
    }
}
