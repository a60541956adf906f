using Microsoft.Win32.SafeHandles;
using Orchestrator.Keeping;
using Orchestrator.Linux;

namespace Orchestrator.Runtime.Keeping;

/// <summary>One stream out of a container: a FIFO, or the terminal's master. To its log, and to who is attached.</summary>
internal sealed class ContainerStream(KeptContainer container, SafeFileHandle handle, MessageKind kind, EventLoop loop) : EventSource
{
    // Bigger pieces would ask for more log memory at once: each line gets a head of its own.
    private const int ReadMax = 16 * 1024;

    // Shared by all streams: a piece is dealt with before the next is read.
    private static readonly byte[] s_buffer = new byte[ReadMax];

    public override int Descriptor => handle.Number();

    public StreamLines Lines { get; } = new(container.Log, kind == MessageKind.Errors);

    private bool _ended;

    public override void Ready(PollEvents events)
    {
        if (!container.Log.HasRoom)
        {
            loop.Watch(this, PollEvents.None);
            container.WaitForLog();
        }
        else if (!ReadOnce())
            loop.Watch(this, PollEvents.None);
    }

    public void Resume()
    {
        if (!_ended)
            loop.Watch(this, PollEvents.Readable);
    }

    /// <summary>Reads what is there. False when the log must first get on.</summary>
    /// <param name="readsMax">For programs that still write although the container's first process is gone.</param>
    public bool Drain(ref int readsMax)
    {
        while (!_ended && readsMax-- > 0)
        {
            if (!container.Log.HasRoom)
                return false;
            if (FileDescriptors.Poll(Descriptor, PollEvents.Readable, 0) == PollEvents.None || !ReadOnce())
                break;
        }
        return true;
    }

    public void Close()
    {
        loop.Watch(this, PollEvents.None);
        handle.Dispose();
    }

    private bool ReadOnce()
    {
        var count = FileDescriptors.Read(Descriptor, s_buffer);
        // A FIFO has no end while we hold it for writing too; a terminal's is that nobody has it open any more.
        _ended = count == 0;
        if (count <= 0)
            return count < 0;
        var said = s_buffer.AsSpan(0, count);
        container.Pass(kind, said);
        Lines.Take(said, DateTime.UtcNow);
        container.Log.Flush();
        return true;
    }
}
