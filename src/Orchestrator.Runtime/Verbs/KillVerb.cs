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
        if (arguments.Has("--all", "-a"))
            SignalAll(record, signal);
        else
            SignalOne(container, record, signal);
        return 0;
    }

    private static void SignalOne(Container container, ContainerRecord record, int signal)
    {
        using var process = container.RequireProcess(record, "kill");
        if (!Processes.Signal(process, signal))
            throw new RefusedException($"cannot kill container {container.Id}: container not running");
        if (signal == Signals.Kill)
            Thaw(record);
    }

    /// <summary>Also what a container without a pid namespace leaves behind when its first process has ended.</summary>
    private static void SignalAll(ContainerRecord record, int signal)
    {
        var group = Container.CgroupOf(record);
        if (signal == Signals.Kill)
            group.KillAll();
        else
            group.SignalAll(signal);
        if (signal == Signals.Kill)
            Thaw(record);
    }

    // A process in version 1's freezer dies when it thaws, not before.
    private static void Thaw(ContainerRecord record)
    {
        var freezer = Container.FreezerOf(record);
        if (freezer.IsFrozen)
            freezer.Thaw();
    }
}
