using Orchestrator.Linux;
using Orchestrator.Linux.Cgroups;
using Orchestrator.Linux.Tapes;
using Orchestrator.Runtime.Planning;
using static Orchestrator.Runtime.Planning.KernelArguments;

namespace Orchestrator.Runtime.Supervision;

/// <summary>From a clone of the caller to a process that has nothing to do with it any more.</summary>
internal static class SupervisorSteps
{
    private const int AnswerPipe = LaunchDescriptors.ErrorPipeInChild;

    public static Tape Compile(CgroupLayout layout, string groupPath, int answerPipe, int program, string[] arguments)
    {
        var tape = new Tape();
        tape.Add("", Syscall.setsid);
        CgroupSteps.Join(tape, layout, groupPath);
        var nothing = tape.Add("", Syscall.openat, HereDirectory, "/dev/null", Argument.Flags(OpenFlags.ReadWrite), 0);
        foreach (var stream in (ReadOnlySpan<int>)[0, 1, 2])
            tape.Add("", Syscall.dup3, nothing, stream, 0);
        if (answerPipe != AnswerPipe)
            tape.Add("", Syscall.dup3, Argument.Named(answerPipe, "answer-pipe"), AnswerPipe, 0);
        tape.Add("", Syscall.dup3, Argument.Named(program, "program"), AnswerPipe + 1, CloseOnExec);
        tape.Add("", Syscall.close_range, AnswerPipe + 2, Argument.Named(uint.MaxValue, "max"), 0);
        BlockSignals(tape);
        tape.Add("", Syscall.execveat, AnswerPipe + 1, "", Argument.Of(arguments), Argument.Of([]), EmptyPath);
        return tape;
    }

    // Only SIGKILL ends a supervisor.
    private static void BlockSignals(Tape tape) =>
        tape.Add("", Syscall.rt_sigprocmask, Argument.Named(2, "SIG_SETMASK"), SignalSet.Forwardable, Argument.Null, SignalSet.Size);
}
