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
    /// <param name="hook">The path of a hook, which runs as the process would; null for a command.</param>
    public static Tape Compile(RuntimeConfig config, ProcessConfig process, LaunchFacts facts, int container, int terminal, bool endsWithParent, string? hook = null)
    {
        process = hook is null ? ProcessSteps.WithHome(process, facts) : process;
        var tape = new Tape();
        var namespaces = NamespaceTable.Read(config.Linux);
        var steps = new ProcessSteps(tape, process, facts, program: hook);
        var credentials = new CredentialSteps(tape, process, facts, namespaces);
        ProcessSteps.Begin(tape, facts);
        tape.Add("", Syscall.setsid);
        tape.Add("", Syscall.prctl, Argument.Named(Dumpable, "PR_SET_DUMPABLE"), 0, 0, 0, 0);
        SchedulingSteps.Bind(tape, process.ExecCpuAffinity?.Initial, "process.execCPUAffinity.initial");
        CgroupSteps.Join(tape, facts);
        SchedulingSteps.Bind(tape, process.ExecCpuAffinity?.Final, "process.execCPUAffinity.final");
        credentials.OomScore();
        credentials.Labels.Open();
        // The pid namespace the launcher has entered: a process cannot enter one, only its children can.
        var kinds = namespaces.All & ~NamespaceKinds.Pid;
        var confined = namespaces.IsNew(NamespaceKinds.Mount) ? null
            : tape.Add("root.path", Syscall.openat, HereDirectory, $"/proc/{facts.ContainerPid}/root", Argument.Flags(PathOnly | OpenFlags.Directory), 0);
        tape.Add("linux.namespaces", Syscall.setns, Argument.Named(container, "container"), Argument.Named((long)kinds, kinds));
        if (confined is not null)
            RootSteps.ChangeRoot(tape, new RootDirectory(tape, confined));
        steps.StandardStreams();
        var top = tape.Add("root.path", Syscall.openat, HereDirectory, "/", Argument.Flags(PathOnly | OpenFlags.Directory), 0);
        var workingDirectory = new RootDirectory(tape, top).Open("process.cwd", process.Cwd, PathOnly | OpenFlags.Directory);
        if (terminal >= 0)
            steps.Attach(Argument.Named(terminal, "terminal"), "process.terminal");
        credentials.Limits();
        SchedulingSteps.Add(tape, process);
        SchedulingSteps.Add(tape, config.Linux);
        steps.GiveStreams(namespaces.Has(NamespaceKinds.User));
        tape.Add("process.cwd", Syscall.fchdir, workingDirectory);
        credentials.Become(config.Linux.Seccomp);
        if (endsWithParent)
            steps.EndWithParent();
        steps.Execute();
        return tape;
    }
}
