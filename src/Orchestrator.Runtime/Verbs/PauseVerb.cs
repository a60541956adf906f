using Orchestrator.Runtime.Containers;

namespace Orchestrator.Runtime.Verbs;

internal static class PauseVerb
{
    public static int Run(string root, string[] args)
    {
        var container = new Container(root, Arguments.Parse(args, [], [], 2).Operand(0, "the container's id"));
        var record = container.RequireRecord();
        using var process = container.RequireProcess(record, "pause");
        var freezer = Container.FreezerOf(record);
        if (freezer.IsFrozen)
            throw new RefusedException($"cannot pause container {container.Id}: it is paused already");
        freezer.Freeze();
        return 0;
    }
}

internal static class ResumeVerb
{
    public static int Run(string root, string[] args)
    {
        var container = new Container(root, Arguments.Parse(args, [], [], 2).Operand(0, "the container's id"));
        var record = container.RequireRecord();
        using var process = container.RequireProcess(record, "resume");
        var freezer = Container.FreezerOf(record);
        if (!freezer.IsFrozen)
            throw new RefusedException($"cannot resume container {container.Id}: container not paused");
        freezer.Thaw();
        return 0;
    }
}
