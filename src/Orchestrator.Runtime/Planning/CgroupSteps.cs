using Orchestrator.Linux;
using Orchestrator.Linux.Cgroups;
using Orchestrator.Linux.Tapes;
using static Orchestrator.Runtime.Planning.KernelArguments;

namespace Orchestrator.Runtime.Planning;

/// <summary>
/// A child joins version 1's groups by itself: a single-threaded process that writes 0 to <c>tasks</c> need not wait for the grace period that a
/// pid in <c>cgroup.procs</c> costs (12 ms). Version 2's group it is born in, by a flag of clone3.
/// </summary>
internal static class CgroupSteps
{
    public static void Join(Tape tape, LaunchFacts facts) =>
        Join(tape, facts.Cgroups, h => h.Controllers.Select(facts.CgroupPaths.GetValueOrDefault).FirstOrDefault(p => p is not null) ?? facts.CgroupPath);

    public static void Join(Tape tape, CgroupLayout layout, string path) => Join(tape, layout, _ => path);

    private static void Join(Tape tape, CgroupLayout layout, Func<CgroupHierarchy, string> pathIn)
    {
        foreach (var hierarchy in layout.V1)
        {
            var tasks = tape.Add("linux.cgroupsPath", Syscall.openat, HereDirectory, hierarchy.Directory(pathIn(hierarchy)) + "/tasks",
                Argument.Flags(OpenFlags.WriteOnly | OpenFlags.CloseOnExec), 0);
            tape.Add("linux.cgroupsPath", Syscall.write, tasks, "0", 1);
        }
    }
}
