namespace Orchestrator.Runtime;

/// <summary>The command line is wrong: exit code 2 for people, and nothing has been touched.</summary>
public sealed class UsageException(string message) : Exception(message);

/// <summary>What was asked cannot be done now; the message says why.</summary>
/// <remarks>
/// Callers tell refusals apart by words: containerd by <c>does not exist</c> and <c>container not running</c>, Docker and Podman by
/// <c>executable file not found</c>. Such words stay as they are.
/// </remarks>
public sealed class RefusedException(string message, int exitCode = 1) : Exception(message)
{
    public int ExitCode { get; } = exitCode;
}
