using Orchestrator.Linux;
using Orchestrator.Linux.Tapes;
using Orchestrator.Oci.Runtime;
using Orchestrator.Oci.Runtime.Seccomp;
using Orchestrator.Runtime.Planning;

namespace Orchestrator.Runtime.Containers;

/// <summary>The parent's side of a process that joins a container: where the filter leaves calls to an agent, that one gets each process's notifications.</summary>
internal static class FilterTalk
{
    /// <summary>Whether the child needs a pipe through which it is answered.</summary>
    public static bool NeedsAnswers(RuntimeConfig config) => config.Linux.Seccomp is { } seccomp && SeccompCompiler.Notifies(seccomp);

    /// <returns>Null when the child runs its program.</returns>
    /// <exception cref="RuntimeConfigException">The agent is not there; the child has been ended.</exception>
    public static TapeFailure? Follow(int errorPipe, int answer, RuntimeConfig config, ChildProcess child, HookState state)
    {
        while (Launcher.ReadFailure(errorPipe) is { } report)
        {
            if (report.StepIndex != (int)ChildReports.ListenerReady)
                return report;
            try
            {
                SeccompListener.Send(config, child, report.Errno, state);
            }
            catch
            {
                Processes.Signal(child.PidFd, Signals.Kill);
                Processes.Reap(child.PidFd);
                throw;
            }
            FileDescriptors.Write(answer, "."u8);
        }
        return null;
    }
}
