using Microsoft.Win32.SafeHandles;
using Orchestrator.Linux;

namespace Orchestrator.Runtime.Containers;

/// <summary>Where a caller that stays behind wants the terminal's master to be sent.</summary>
internal static class ConsoleSocket
{
    private const string Option = "--console-socket";

    public static void Send(Arguments arguments, SafeFileHandle? terminal)
    {
        if (terminal is not null && arguments.Value(Option) is { } socket)
            UnixSocket.SendDescriptor(socket, terminal.Number(), "/dev/pts/ptmx");
    }

    /// <summary>A terminal that nobody will hold must not be made.</summary>
    public static void Check(Arguments arguments, bool isTerminal, bool staysBehind)
    {
        if (isTerminal && staysBehind && arguments.Value(Option) is null)
            throw new UsageException($"process.terminal: nobody would hold the terminal; accepted: with {Option} PATH");
    }
}
