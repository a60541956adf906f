using System.Buffers.Binary;
using System.Collections;
using Orchestrator.Linux;
using Orchestrator.Linux.Tapes;
using Orchestrator.Runtime.Containers;
using Orchestrator.Runtime.Planning;

namespace Orchestrator.Runtime.Verbs;

/// <summary>Pid 1 of a container that asked for one: starts the command, passes signals on to it, reaps what nobody else does, ends with it.</summary>
internal static class InitVerb
{
    public const string Name = "init";
    private const int NotFound = 127, CannotRun = 126, SetMask = 2, SignalInfoSize = 128;

    /// <summary>ssi_code of a signal that the kernel sent itself.</summary>
    private const int FromKernel = 0x80;

    public static int Run(string[] args)
    {
        string[] command = [.. args.SkipWhile(a => a == "--")];
        using var signals = FileDescriptors.OpenSignals(SignalSet.ForwardableMask);
        var child = Launch(command, out var exitCode);
        return child == 0 ? exitCode : Follow(signals.Number(), child);
    }

    private static int Launch(string[] command, out int exitCode)
    {
        exitCode = 0;
        using var errorPipe = LaunchPipes.Create();
        string[] environment = [.. Environment.GetEnvironmentVariables().Cast<DictionaryEntry>().Select(e => $"{e.Key}={e.Value}")];
        var tape = new Tape();
        tape.Add("", Syscall.rt_sigprocmask, Argument.Named(SetMask, "SIG_SETMASK"), SignalSet.Empty, Argument.Null, SignalSet.Size);
        tape.Add("", Syscall.rt_sigaction, Argument.Named(Signals.Pipe, "SIGPIPE"), Argument.Of(new byte[32], "SIG_DFL"), Argument.Null, SignalSet.Size);
        ProcessSteps.Execute(tape, ProcessSteps.Candidates(command, environment), command, environment);
        // Docker's filter knows no clone3.
        using var child = Launcher.Launch(tape, errorPipe.Writer.Number(), new CloneOptions(Plain: true));
        errorPipe.Writer.Dispose();
        if (Launcher.ReadFailure(errorPipe.Reader.Number()) is not { } failure)
            return child.Pid;
        FileDescriptors.Write(2, FailureText.Describe(tape, failure, command) + "\n");
        exitCode = failure.Errno == Errno.ENOENT ? NotFound : CannotRun;
        return 0;
    }

    private static int Follow(int signals, int child)
    {
        Span<byte> info = stackalloc byte[SignalInfoSize];
        while (true)
        {
            FileDescriptors.Poll(signals, PollEvents.Readable, -1);
            while (FileDescriptors.Read(signals, info) == SignalInfoSize)
            {
                var signal = BinaryPrimitives.ReadInt32LittleEndian(info);
                if (signal == Signals.Child)
                {
                    if (Reap(child) is { } status)
                        return status.Code;
                }
                // A key on the terminal reached the command already: it is in the same process group.
                else if (BinaryPrimitives.ReadInt32LittleEndian(info[8..]) != FromKernel)
                    Processes.SignalChild(child, signal);
            }
        }
    }

    private static ExitStatus? Reap(int child)
    {
        ExitStatus? end = null;
        while (Processes.ReapAny() is { } ended)
            end = ended.Pid == child ? ended.Status : end;
        return end;
    }
}
