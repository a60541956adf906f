namespace Orchestrator.Cli;

/// <summary>The command ends here, with one sentence for its user.</summary>
internal sealed class RefusedException(string message, int exitCode = Cli.ExitCode.Failed) : Exception(message)
{
    public int ExitCode => exitCode;
}
