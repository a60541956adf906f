using Microsoft.Win32.SafeHandles;
using Orchestrator.Keeping;
using Orchestrator.Linux;
using Xunit;

namespace Orchestrator.Conformance;

/// <summary>A control connection to a keeper, one message at a time.</summary>
public sealed class KeeperLine : IDisposable
{
    private const int PatienceMs = 30_000;
    private readonly byte[] _buffer = new byte[KeeperProtocol.MessageMax];
    private readonly SafeFileHandle _socket;

    public KeeperLine(string socketPath)
    {
        SocketPath = socketPath;
        _socket = MessageSocket.Connect(socketPath);
        MessageSocket.Send(_socket.Number(), [(byte)MessageKind.Hello]);
        Welcome = Welcome.Read(Await(MessageKind.Welcome));
        for (var message = Receive(); message.Kind != MessageKind.Listed; message = Receive())
            Kept.Add(RunningProcess.Read(message));
    }

    public string SocketPath { get; }

    public Welcome Welcome { get; }

    /// <summary>What it held when the connection was made.</summary>
    public List<RunningProcess> Kept { get; } = [];

    /// <returns>The pid.</returns>
    public int Start(StartRequest request)
    {
        Send(request.Write(_buffer));
        var answer = Await(MessageKind.Started, MessageKind.Failed);
        Assert.True(answer.Kind == MessageKind.Started, answer.Kind == MessageKind.Failed ? Refusal.Read(answer).Message : "");
        return RunningProcess.Read(answer).Pid;
    }

    /// <returns>Why it could not be started.</returns>
    public string StartRefused(StartRequest request)
    {
        Send(request.Write(_buffer));
        return Refusal.Read(Await(MessageKind.Failed)).Message;
    }

    public void Send(ReadOnlySpan<byte> message) => MessageSocket.Send(_socket.Number(), message);

    /// <summary>The next message of one of these kinds; others are passed over.</summary>
    public MessageReader Await(params ReadOnlySpan<MessageKind> kinds)
    {
        var message = Receive();
        while (!kinds.Contains(message.Kind))
            message = Receive();
        return message;
    }

    public void Dispose() => _socket.Dispose();

    private MessageReader Receive()
    {
        Assert.NotEqual(PollEvents.None, FileDescriptors.Poll(_socket.Number(), PollEvents.Readable, PatienceMs));
        var count = MessageSocket.Receive(_socket.Number(), _buffer, [], out _);
        Assert.True(count > 0, "the keeper has closed the connection");
        return new MessageReader(_buffer.AsSpan(0, count));
    }
}
