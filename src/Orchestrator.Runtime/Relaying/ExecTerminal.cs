using Microsoft.Win32.SafeHandles;
using Orchestrator.Linux;
using Orchestrator.Runtime.Containers;

namespace Orchestrator.Runtime.Relaying;

/// <summary>A terminal of a running container's own devpts.</summary>
internal sealed class ExecTerminal(SafeFileHandle master, SafeFileHandle slave) : IDisposable
{
    public SafeFileHandle Master { get; } = master;

    public SafeFileHandle Slave { get; } = slave;

    public static ExecTerminal Open(int pid)
    {
        using var root = FileSystem.Open($"/proc/{pid}/root", OpenFlags.Path | OpenFlags.Directory);
        var (master, slave) = Terminals.Open(root);
        return new ExecTerminal(master, LaunchPipes.MoveUp(slave));
    }

    public void Dispose()
    {
        Master.Dispose();
        Slave.Dispose();
    }
}
