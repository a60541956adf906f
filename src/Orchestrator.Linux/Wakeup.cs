using Microsoft.Win32.SafeHandles;

namespace Orchestrator.Linux;

/// <summary>One thread wakes another that waits in poll or epoll (eventfd).</summary>
public sealed unsafe class Wakeup : IDisposable
{
    private const int CloseOnExec = 0x80000, NonBlocking = 0x800;
    private readonly SafeFileHandle _event = new(Libc.Check(Libc.eventfd(0, CloseOnExec | NonBlocking), "eventfd"), true);

    /// <summary>Readable after <see cref="Set"/> until <see cref="Reset"/>.</summary>
    public int Descriptor => _event.Number();

    public void Set()
    {
        var one = 1L;
        _ = Libc.write(Descriptor, &one, sizeof(long));
    }

    public void Reset()
    {
        long ignored;
        _ = Libc.read(Descriptor, &ignored, sizeof(long));
    }

    public void Dispose() => _event.Dispose();
}
