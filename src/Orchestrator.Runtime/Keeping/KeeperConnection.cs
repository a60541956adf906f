using Microsoft.Win32.SafeHandles;
using Orchestrator.Keeping;
using Orchestrator.Linux;

namespace Orchestrator.Runtime.Keeping;

/// <summary>One connection to the keeper; its first message decides whether it is for control or for a container's streams.</summary>
internal sealed class KeeperConnection(Keeper keeper, SafeFileHandle socket) : EventSource
{
    /// <summary>So much may lie unread in the kernel before a control connection is given up, and an attached client misses something.</summary>
    private const int ControlBytesMax = 4 << 20, AttachBytesMax = 1 << 20;

    private const int HeadMax = 16;
    private static readonly byte[] s_received = new byte[KeeperProtocol.MessageMax], s_sent = new byte[KeeperProtocol.PieceMax + HeadMax];
    private long _missed;
    private bool _isEnding;

    public override int Descriptor => socket.Number();

    public bool IsControl { get; private set; }

    public KeptContainer? Container { get; private set; }

    /// <summary>The container that is to be attached to as soon as it is started.</summary>
    public string? Awaited { get; private set; }

    public bool GivesInput { get; private set; }

    public override void Ready(PollEvents events)
    {
        if (_isEnding)
        {
            if (SendGap() || events.HasFlag(PollEvents.HangUp))
                keeper.Close(this);
            return;
        }
        TakeNext();
    }

    /// <summary>All that it has sent by now.</summary>
    public void TakeAll()
    {
        while (TakeNext())
        {
        }
    }

    public void BecomeControl()
    {
        MessageSocket.SetSendBuffer(Descriptor, ControlBytesMax);
        IsControl = true;
    }

    /// <summary>As an earlier program of this keeper had it.</summary>
    public void Continue(KeptContainer? container, string? awaited, bool givesInput)
    {
        (Container, Awaited, GivesInput) = (container, awaited, givesInput);
        container?.Attach(this);
    }

    public void Join(KeptContainer container)
    {
        (Container, Awaited) = (container, null);
        container.Attach(this);
        Send([(byte)MessageKind.Attached]);
    }

    public void Refuse(string why)
    {
        Send(new Refusal("", why).Write(s_sent, MessageKind.Refused));
        keeper.Close(this);
    }

    /// <summary>A control connection that does not take its messages is closed: whoever connects again is told everything.</summary>
    public void Send(ReadOnlySpan<byte> message)
    {
        if (!MessageSocket.TrySend(Descriptor, message) && IsControl)
            keeper.Close(this);
    }

    public void SendOutput(MessageKind kind, ReadOnlySpan<byte> said)
    {
        if (_missed > 0 && !SendGap())
        {
            _missed += said.Length;
            return;
        }
        var message = new MessageWriter(s_sent, kind);
        message.Put(said);
        if (!MessageSocket.TrySend(Descriptor, message.Message))
            _missed = said.Length;
    }

    /// <summary>What it has not read yet stays readable for it; that it missed something it is still told.</summary>
    public void EndOfContainer()
    {
        Container = null;
        if (_missed == 0 || SendGap())
            keeper.Close(this);
        else
        {
            _isEnding = true;
            keeper.Loop.Watch(this, PollEvents.Writable);
        }
    }

    public void HoldInput() => keeper.Loop.Watch(this, PollEvents.None);

    public void GoOn()
    {
        if (!socket.IsClosed)
            keeper.Loop.Watch(this, PollEvents.Readable);
    }

    public void Close()
    {
        keeper.Loop.Watch(this, PollEvents.None);
        Container?.Detach(this, GivesInput);
        socket.Dispose();
    }

    private bool TakeNext()
    {
        var count = MessageSocket.Receive(Descriptor, s_received, [], out _);
        if (count < 0)
            return false;
        try
        {
            if (count > 0)
            {
                Take(new MessageReader(s_received.AsSpan(0, count)));
                return !socket.IsClosed;
            }
        }
        catch (ArgumentException)
        {
            // What it says makes no sense: there is nothing to talk about.
        }
        keeper.Close(this);
        return false;
    }

    private bool SendGap()
    {
        var message = new MessageWriter(s_sent, MessageKind.Gap);
        message.Put(_missed);
        if (!MessageSocket.TrySend(Descriptor, message.Message))
            return false;
        _missed = 0;
        return true;
    }

    private void Take(MessageReader message)
    {
        switch (message.Kind)
        {
            case MessageKind.Hello:
                keeper.Welcome(this);
                break;
            case MessageKind.Start when IsControl:
                keeper.Start(StartRequest.Read(message));
                break;
            case MessageKind.Upgrade when IsControl:
                keeper.Upgrade(message.Text());
                break;
            case MessageKind.Resize when IsControl:
                var size = Resize.Read(message);
                keeper.Find(size.Id)?.Resize(size.Columns, size.Rows);
                break;
            case MessageKind.Attach when !IsControl:
                Attach(AttachRequest.Read(message));
                break;
            default:
                TakeFromClient(message);
                break;
        }
    }

    private void TakeFromClient(MessageReader message)
    {
        switch (message.Kind)
        {
            case MessageKind.Input when GivesInput:
                Container?.TakeInput(message.Bytes(), this);
                break;
            case MessageKind.InputEnd when GivesInput:
                Container?.EndInput();
                break;
            case MessageKind.Resize when Container is not null:
                var size = Resize.Read(message);
                Container.Resize(size.Columns, size.Rows);
                break;
            default:
                throw new ArgumentException($"no message of kind {message.Kind} is expected here");
        }
    }

    private void Attach(AttachRequest request)
    {
        MessageSocket.SetSendBuffer(Descriptor, AttachBytesMax);
        GivesInput = request.Input;
        if (keeper.Find(request.Id) is { Process: not null, EndsAt: 0 } container)
            Join(container);
        else if (request.AwaitStart)
            Awaited = request.Id;
        else
            Refuse($"container {request.Id} does not run");
    }
}
