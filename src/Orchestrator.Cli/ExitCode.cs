namespace Orchestrator.Cli;

internal static class ExitCode
{
    public const int Done = 0, Failed = 1, Usage = 2, Unreachable = 3, Interrupted = 130, OutputClosed = 141;

    /// <summary>Of `orc run`: the container could not be made as asked.</summary>
    public const int NotMade = 125;

    public const string Help =
        """
        Exit codes: 0 done; 1 refused or failed; 2 wrong usage or a compose file that cannot be taken; 3 no server could be reached;
        130 interrupted; 141 whoever read the output is gone. `orc exec` ends with the exit code of the command that it ran.
        `orc run` and `orc start -a` end with the container's: 125 it could not be made, 126 its command cannot run, 127 there is no such
        command, 128+n signal n ended it.
        """;
}
