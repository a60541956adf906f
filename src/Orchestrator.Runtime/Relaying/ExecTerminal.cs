using Microsoft.Win32.SafeHandles;
using Orchestrator.Linux;
using Orchestrator.Oci.Runtime;
using Orchestrator.Runtime.Containers;

namespace Orchestrator.Runtime.Relaying;

/// <summary>A terminal of a running container's own devpts.</summary>
internal sealed class ExecTerminal(SafeFileHandle master, SafeFileHandle slave) : IDisposable
{
    public SafeFileHandle Master { get; } = master;

    public SafeFileHandle Slave { get; } = slave;

    public static ExecTerminal Open(int pid, ConsoleSize? size)
    {
        using var root = FileSystem.Open($"/proc/{pid}/root", OpenFlags.Path | OpenFlags.Directory);
        var (master, slave) = Terminals.Open(root);
        if (size is { Height: > 0, Width: > 0 })
            Terminals.Resize(master.Number(), new TerminalSize(size.Height, size.Width));
        return new ExecTerminal(master, LaunchPipes.MoveUp(slave));
    }

    public void Dispose()
    {
        Master.Dispose();
        Slave.Dispose();
    }
}
