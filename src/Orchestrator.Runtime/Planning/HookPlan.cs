using Orchestrator.Linux;
using Orchestrator.Linux.Tapes;
using Orchestrator.Oci.Runtime;
using static Orchestrator.Runtime.Planning.KernelArguments;

namespace Orchestrator.Runtime.Planning;

/// <summary>From a clone of the runtime to a hook that runs with the runtime's rights.</summary>
internal static class HookPlan
{
    /// <param name="container">For a hook in the container's namespaces: a pidfd of its process.</param>
    public static Tape Compile(HookConfig hook, LaunchDescriptors descriptors, RuntimeConfig? config = null, int container = -1)
    {
        var tape = new Tape();
        tape.Add("", Syscall.dup3, Argument.Named(descriptors.ErrorPipe, "error-pipe"), LaunchDescriptors.ErrorPipeInChild, CloseOnExec);
        if (config is not null)
            Enter(tape, config, container);
        foreach (var (given, stream) in new[] { (descriptors.Input, 0), (descriptors.Output, 1), (descriptors.Errors, 2) })
            tape.Add("", Syscall.dup3, given, stream, 0);
        tape.Add("", Syscall.close_range, LaunchDescriptors.ErrorPipeInChild + 1, Argument.Named(uint.MaxValue, "max"), 0);
        ProcessSteps.ResetSignals(tape, SignalSet.Empty);
        ProcessSteps.Execute(tape, [hook.Path], hook.Args.Count > 0 ? hook.Args : [hook.Path], hook.Env);
        return tape;
    }

    private static void Enter(Tape tape, RuntimeConfig config, int container)
    {
        var namespaces = NamespaceTable.Read(config.Linux);
        var kinds = namespaces.All & ~NamespaceKinds.Pid;
        if (kinds != 0)
            tape.Add("linux.namespaces", Syscall.setns, Argument.Named(container, "container"), Argument.Named((long)kinds, kinds));
        NamespaceSteps.BecomeRoot(tape, namespaces);
    }
}
