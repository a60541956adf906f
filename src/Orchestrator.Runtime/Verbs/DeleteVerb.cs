using Orchestrator.Linux;
using Orchestrator.Oci.Runtime;
using Orchestrator.Runtime.Containers;
using Orchestrator.Runtime.Keeping;
using Orchestrator.Runtime.Planning;

namespace Orchestrator.Runtime.Verbs;

/// <summary>Removes what is left of a container. With --force one that is gone already is no error: callers repeat a delete that they are not sure of.</summary>
internal static class DeleteVerb
{
    private const int EndTimeoutMs = 10_000, RecordTimeoutMs = 3_000, GroupAttempts = 100, GroupPauseMs = 10;

    public static int Run(string root, string[] args)
    {
        var arguments = Arguments.Parse(args, ["--force", "-f"], [], 1);
        var container = new Container(root, arguments.Operand(0, "the container's id"));
        var force = arguments.Has("--force", "-f");
        if (!force && !container.Exists)
            throw new RefusedException($"container {container.Id} does not exist");
        Delete(container, force);
        return 0;
    }

    public static void Delete(Container container, bool force)
    {
        if (container.Record is { } record)
        {
            End(container, record, force);
            AwaitKeeper(container, record);
            Remove(container, record, container.Config);
            return;
        }
        container.Release();
    }

    /// <summary>Removes what an ended container leaves: group, record; and runs what it wants to be run then.</summary>
    public static void Remove(Container container, ContainerRecord record, RuntimeConfig config)
    {
        RemoveGroup(container, record);
        container.Release();
        if (config.Hooks is null)
            return;
        var facts = ContainerLaunch.Facts(config, record.Bundle, container.Id, new LaunchDescriptors(-1, -1));
        new HookRunner(container.Id, record.Bundle, config, facts).RunPoststop();
    }

    private static void End(Container container, ContainerRecord record, bool force)
    {
        using var process = Container.OpenProcess(record);
        if (process is null)
            return;
        if (!force && !File.Exists(container.GoPipePath))
            throw new RefusedException($"cannot delete container {container.Id} that is not stopped: {container.State().Status}; accepted: kill it first, or delete --force");
        Processes.Signal(process, Signals.Kill);
        Container.FreezerOf(record).Thaw();
        if (!Processes.WaitForExit(process, EndTimeoutMs))
            throw new RefusedException($"container {container.Id} has not ended {EndTimeoutMs / 1000} s after SIGKILL; its process {record.Pid} hangs in the kernel");
    }

    // It still writes the rest of the log, and exit.json. One that was killed writes neither.
    private static void AwaitKeeper(Container container, ContainerRecord record)
    {
        for (var waited = 0; record.Kept is not null && container.Exists && container.Exit is null && waited < RecordTimeoutMs; waited++)
            Thread.Sleep(1);
    }

    private static void RemoveGroup(Container container, ContainerRecord record)
    {
        var group = Container.CgroupOf(record);
        for (var attempt = 1; !group.Remove(); attempt++)
        {
            if (attempt == GroupAttempts)
                throw new RefusedException($"container {container.Id}: processes {string.Join(", ", group.Processes())} do not leave the cgroup {record.CgroupPath}");
            group.KillAll();
            Thread.Sleep(GroupPauseMs);
        }
        KeeperGroup.RemoveShared(Container.Cgroups, record.CgroupPath);
    }
}
