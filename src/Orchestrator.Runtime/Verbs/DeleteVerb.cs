using Orchestrator.Linux;
using Orchestrator.Runtime.Containers;
using Orchestrator.Runtime.Supervision;

namespace Orchestrator.Runtime.Verbs;

/// <summary>Removes what is left of a container. One that is gone already is no error: callers repeat a delete that they are not sure of.</summary>
internal static class DeleteVerb
{
    private const int EndTimeoutMs = 10_000, SupervisorTimeoutMs = 2_000, GroupAttempts = 100, GroupPauseMs = 10;

    public static int Run(string root, string[] args)
    {
        var arguments = Arguments.Parse(args, ["--force", "-f"], [], 1);
        Delete(new Container(root, arguments.Operand(0, "the container's id")), arguments.Has("--force", "-f"));
        return 0;
    }

    public static void Delete(Container container, bool force)
    {
        if (container.Record is { } record)
        {
            End(container, record, force);
            AwaitSupervisor(record);
            RemoveGroup(container, record);
        }
        container.Release();
    }

    private static void End(Container container, ContainerRecord record, bool force)
    {
        using var process = Container.OpenProcess(record);
        if (process is null)
            return;
        if (!force && !File.Exists(container.GoPipePath))
            throw new RefusedException($"container {container.Id} is running; accepted: kill it first, or delete --force");
        Processes.Signal(process, Signals.Kill);
        if (!Processes.WaitForExit(process, EndTimeoutMs))
            throw new RefusedException($"container {container.Id} has not ended {EndTimeoutMs / 1000} s after SIGKILL; its process {record.Pid} hangs in the kernel");
    }

    // It still writes exit.json; what it writes must not come after the directory's end.
    private static void AwaitSupervisor(ContainerRecord record)
    {
        if (record.Supervisor == 0)
            return;
        using var supervisor = Processes.Find(record.Supervisor, record.SupervisorStartTime);
        if (supervisor is not null && !Processes.WaitForExit(supervisor, SupervisorTimeoutMs))
            Processes.Signal(supervisor, Signals.Kill);
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
        SupervisorGroup.RemoveIfUnused(record.CgroupPath);
    }
}
