using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;
using Orchestrator.Linux;

namespace Orchestrator.Runtime.Relaying;

/// <summary>Signals to this process become the child's, while it is in the foreground.</summary>
internal sealed class SignalForwarding : IDisposable
{
    private static readonly int[] s_signals = [Signals.Hangup, Signals.Interrupt, 3, 10, 12, Signals.Terminate];
    private readonly List<PosixSignalRegistration> _registrations = [];

    public static SignalForwarding To(SafeFileHandle pidFd)
    {
        var forwarding = new SignalForwarding();
        foreach (var signal in s_signals)
            forwarding._registrations.Add(PosixSignalRegistration.Create((PosixSignal)signal, context =>
            {
                context.Cancel = true;
                Processes.Signal(pidFd, signal);
            }));
        return forwarding;
    }

    public void Dispose()
    {
        foreach (var registration in _registrations)
            registration.Dispose();
    }
}
