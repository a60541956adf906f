using Microsoft.Win32.SafeHandles;
using Orchestrator.Linux;

namespace Orchestrator.Runtime.Keeping;

/// <summary>New connections.</summary>
internal sealed class KeeperListener(Keeper keeper, SafeFileHandle socket) : EventSource
{
    public override int Descriptor => socket.Number();

    public override void Ready(PollEvents events)
    {
        while (MessageSocket.Accept(Descriptor) is { } connection)
            keeper.Accept(connection);
    }
}

/// <summary>SIGCHLD: some children have ended.</summary>
internal sealed class EndedChildren(Keeper keeper) : EventSource
{
    private const int InfoSize = 128;
    private readonly SafeFileHandle _signals = FileDescriptors.OpenSignals(1UL << (Signals.Child - 1));

    public override int Descriptor => _signals.Number();

    public override void Ready(PollEvents events)
    {
        Span<byte> info = stackalloc byte[InfoSize];
        while (FileDescriptors.Read(Descriptor, info) > 0)
        {
        }
        keeper.Reap();
    }
}

/// <summary>The log writer got on.</summary>
internal sealed class LogProgress(Keeper keeper) : EventSource
{
    public override int Descriptor => keeper.LogWriter.Progress.Descriptor;

    public override void Ready(PollEvents events) => keeper.LogGotOn();
}
