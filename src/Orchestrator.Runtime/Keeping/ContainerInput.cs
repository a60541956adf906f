using Microsoft.Win32.SafeHandles;
using Orchestrator.Linux;

namespace Orchestrator.Runtime.Keeping;

/// <summary>The way into a container: its stdin, or its terminal. What it does not take now waits here, and whoever sent it is read no further.</summary>
internal sealed class ContainerInput(SafeFileHandle handle, bool isTerminal, EventLoop loop) : EventSource
{
    private const byte EndOfTransmission = 4;
    private readonly List<KeeperConnection> _held = [];
    private byte[] _pending = [];
    private bool _endsAfterPending;

    public override int Descriptor => handle.Number();

    public bool IsClosed { get; private set; }

    public void Write(ReadOnlySpan<byte> bytes, KeeperConnection sender)
    {
        if (IsClosed)
            return;
        if (_pending.Length == 0)
        {
            var written = FileDescriptors.WriteNow(Descriptor, bytes);
            if (written < 0)
            {
                Close();
                return;
            }
            bytes = bytes[written..];
            if (bytes.Length == 0)
                return;
        }
        _pending = [.. _pending, .. bytes];
        sender.HoldInput();
        _held.Add(sender);
        loop.Watch(this, PollEvents.Writable);
    }

    /// <summary>The container reads the end: of a terminal, by the key that says so there.</summary>
    public void End()
    {
        if (_pending.Length > 0)
            _endsAfterPending = true;
        else if (isTerminal && !IsClosed)
            FileDescriptors.WriteNow(Descriptor, [EndOfTransmission]);
        else
            Close();
    }

    public override void Ready(PollEvents events)
    {
        var written = FileDescriptors.WriteNow(Descriptor, _pending);
        if (written < 0)
        {
            Close();
            return;
        }
        _pending = _pending[written..];
        if (_pending.Length == 0)
            Release();
    }

    public void Close()
    {
        if (IsClosed)
            return;
        IsClosed = true;
        _pending = [];
        Release();
        handle.Dispose();
    }

    private void Release()
    {
        loop.Watch(this, PollEvents.None);
        foreach (var sender in _held)
            sender.GoOn();
        _held.Clear();
        if (_endsAfterPending && !IsClosed)
        {
            _endsAfterPending = false;
            End();
        }
    }
}
