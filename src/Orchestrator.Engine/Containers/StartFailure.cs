namespace Orchestrator.Engine.Containers;

/// <summary>What a container ends with that never ran, by the runtime's words: the codes that a shell has for the same.</summary>
public static class StartFailure
{
    private const int NotFound = 127, CannotRun = 126;

    /// <summary>It was not the program's fault: the container could not be made as asked.</summary>
    public const int Refused = 125;

    public static int ExitCode(string message)
    {
        if (!message.Contains("exec: \"", StringComparison.Ordinal))
            return Refused;
        return message.Contains("not found in $PATH", StringComparison.Ordinal) || message.Contains("no such file or directory", StringComparison.Ordinal) ? NotFound : CannotRun;
    }
}
