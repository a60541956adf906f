using Microsoft.Win32.SafeHandles;
using Orchestrator.Linux;

namespace Orchestrator.Runtime.Keeping;

/// <summary>The first process of a container whose keeper was killed: another's child now, so that the kernel must be asked how it ended.</summary>
internal sealed class AdoptedProcess(SafeFileHandle pidFd, KeptContainer container, EventLoop loop) : EventSource
{
    private const int ReapedWithinMs = 100;

    /// <summary>What is known of a process that ended while nobody watched.</summary>
    public static readonly ExitStatus Unknown = new(-1, 0);

    public override int Descriptor => pidFd.Number();

    public override void Ready(PollEvents events)
    {
        loop.Watch(this, PollEvents.None);
        container.End(StatusOf());
    }

    public void Close()
    {
        loop.Watch(this, PollEvents.None);
        pidFd.Dispose();
    }

    // Between the end and the record that the kernel keeps of a reaped process there is a moment.
    private ExitStatus StatusOf()
    {
        for (var waited = 0; waited < ReapedWithinMs; waited++)
        {
            if (Processes.StatusOf(pidFd, container.Process!.Value.Pid, container.Process.Value.StartTime) is { } status)
                return status;
            Thread.Sleep(1);
        }
        return Unknown;
    }
}
