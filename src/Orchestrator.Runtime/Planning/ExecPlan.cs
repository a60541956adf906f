using Orchestrator.Linux;
using Orchestrator.Linux.Tapes;
using Orchestrator.Oci.Runtime;
using static Orchestrator.Runtime.Planning.KernelArguments;

namespace Orchestrator.Runtime.Planning;

/// <summary>What joining a running container means. Its root may be hostile: the child cannot be traced, and closes all before it becomes the command.</summary>
internal static class ExecPlan
{
    private const int Dumpable = 4;

    /// <param name="container">A pidfd of the container's process.</param>
    /// <param name="terminal">The slave of a terminal, or -1.</param>
    public static Tape Compile(RuntimeConfig config, ProcessConfig process, LaunchFacts facts, int container, int terminal, bool endsWithParent)
    {
        var tape = new Tape();
        var steps = new ProcessSteps(tape, process, facts);
        var credentials = new CredentialSteps(tape, process, facts);
        steps.Begin();
        tape.Add("", Syscall.prctl, Argument.Named(Dumpable, "PR_SET_DUMPABLE"), 0, 0, 0, 0);
        CgroupSteps.Join(tape, facts);
        credentials.OomScore();
        // The pid namespace the launcher has entered: a process cannot enter one, only its children can.
        var kinds = NamespaceTable.Read(config.Linux).Aggregate(NamespaceKinds.None, (all, ns) => all | ns.Kind) & ~NamespaceKinds.Pid;
        tape.Add("linux.namespaces", Syscall.setns, Argument.Named(container, "container"), Argument.Named((long)kinds, kinds.ToString()));
        var top = tape.Add("root.path", Syscall.openat, HereDirectory, "/", Argument.Flags(PathOnly | OpenFlags.Directory), 0);
        var workingDirectory = new RootDirectory(tape, top).Open("process.cwd", process.Cwd, PathOnly | OpenFlags.Directory);
        if (terminal >= 0)
            steps.Attach(Argument.Named(terminal, "terminal"), "process.terminal");
        credentials.Limits();
        steps.GiveStreams();
        credentials.Become(config.Linux.Seccomp);
        if (endsWithParent)
            steps.EndWithParent();
        steps.Execute(workingDirectory);
        return tape;
    }
}
