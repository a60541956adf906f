namespace Orchestrator.Daemon;

internal static class ExitCode
{
    public const int Ok = 0, Failed = 1, Usage = 2;
}
