using Orchestrator.Linux;
using Orchestrator.Linux.Cgroups;
using Orchestrator.Linux.Tapes;
using Orchestrator.Runtime.Planning;
using static Orchestrator.Runtime.Planning.KernelArguments;

namespace Orchestrator.Runtime.Keeping;

/// <summary>This program again, as another process: the keeper, which has nothing to do with its starter any more, and the keeper's launchers.</summary>
internal static class KeeperSteps
{
    /// <summary>Where the child finds what it talks to its parent through.</summary>
    public const int Channel = LaunchDescriptors.ErrorPipeInChild;

    public static Tape Detach(CgroupLayout layout, string groupPath, int answer, int program, string[] arguments)
    {
        var tape = new Tape();
        tape.Add("", Syscall.setsid);
        CgroupSteps.Join(tape, layout, groupPath);
        var nothing = tape.Add("", Syscall.openat, HereDirectory, "/dev/null", Argument.Flags(OpenFlags.ReadWrite), 0);
        foreach (var stream in (ReadOnlySpan<int>)[0, 1, 2])
            tape.Add("", Syscall.dup3, nothing, stream, 0);
        // It starts its launchers from the same descriptor: what they are must be what it is.
        Execute(tape, answer, program, keepsProgram: true, arguments);
        return tape;
    }

    public static Tape Launcher(int channel, int program, string[] arguments)
    {
        var tape = new Tape();
        Execute(tape, channel, program, keepsProgram: false, arguments);
        return tape;
    }

    // Only SIGKILL ends a keeper.
    private static void Execute(Tape tape, int channel, int program, bool keepsProgram, string[] arguments)
    {
        tape.Add("", Syscall.dup3, Argument.Named(channel, "channel"), Channel, 0);
        tape.Add("", Syscall.dup3, Argument.Named(program, "program"), Channel + 1, keepsProgram ? 0 : CloseOnExec);
        tape.Add("", Syscall.close_range, Channel + 2, Argument.Named(uint.MaxValue, "max"), 0);
        tape.Add("", Syscall.rt_sigprocmask, Argument.Named(2, "SIG_SETMASK"), SignalSet.Forwardable, Argument.Null, SignalSet.Size);
        tape.Add("", Syscall.execveat, Channel + 1, "", Argument.Of(arguments), Argument.Of([]), EmptyPath);
    }
}
