namespace Orchestrator.Cli;

internal static class ExitCode
{
    public const int Done = 0, Failed = 1, Usage = 2, Unreachable = 3, Interrupted = 130, OutputClosed = 141;

    public const string Help =
        """
        Exit codes: 0 done; 1 refused or failed; 2 wrong usage or a compose file that cannot be taken; 3 no server could be reached;
        130 interrupted; 141 whoever read the output is gone. `orc exec` ends with the exit code of the command that it ran.
        """;
}
