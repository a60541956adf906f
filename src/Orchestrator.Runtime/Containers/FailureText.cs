using Orchestrator.Linux;
using Orchestrator.Linux.Tapes;

namespace Orchestrator.Runtime.Containers;

/// <summary>A failed step in the words of who wrote the configuration.</summary>
internal static class FailureText
{
    public static string Describe(Tape tape, TapeFailure failure, IReadOnlyList<string> args)
    {
        var step = tape.Steps[failure.StepIndex];
        if (step.Call is Syscall.execve or Syscall.faccessat or Syscall.execveat)
            return Execution(args[0], failure.Errno);
        var reason = new LinuxException(failure.Errno, $"{step.Call}({string.Join(", ", step.Arguments)})").Message;
        return step.Field.Length == 0 ? reason : $"{step.Field}: {reason}";
    }

    /// <summary>Told apart by callers: a missing command is exit code 127, one that cannot run is 126.</summary>
    public static string Execution(string command, int errno) => errno switch
    {
        Errno.ENOENT or Errno.ENOTDIR when !command.Contains('/', StringComparison.Ordinal) => $"exec: \"{command}\": executable file not found in $PATH",
        Errno.ENOENT => $"exec: \"{command}\": no such file or directory",
        Errno.EACCES => $"exec: \"{command}\": permission denied",
        Errno.ENOEXEC => $"exec: \"{command}\": exec format error",
        _ => new LinuxException(errno, $"exec: \"{command}\"").Message,
    };
}
