using System.Net.Sockets;
using Orchestrator.Keeping;
using Orchestrator.Linux;

namespace Orchestrator.Engine.Containers;

public enum AttachedStream
{
    /// <summary>Stdout, or the terminal.</summary>
    Output,
    Errors,

    /// <summary>No bytes: this client read too slowly and missed some here, see <see cref="AttachedPiece.Missed"/>.</summary>
    Gap,
}

/// <param name="Bytes">Valid until the next piece is read.</param>
public readonly record struct AttachedPiece(AttachedStream Stream, ReadOnlyMemory<byte> Bytes, long Missed);

/// <summary>
/// A client of a running container's streams: what it says from now on, and input for it. Any number of clients may be attached; disposing
/// detaches, and the container runs on. A client that reads too slowly is never waited for: it misses what it has no room for.
/// </summary>
public sealed class AttachSession : IAsyncDisposable
{
    private readonly Socket _socket;
    private readonly SemaphoreSlim _sending = new(1, 1);
    private readonly byte[] _received = new byte[KeeperProtocol.MessageMax], _sent = new byte[KeeperProtocol.MessageMax];

    private AttachSession(Socket socket) => _socket = socket;

    internal static async Task<AttachSession> OpenAsync(string keeper, AttachRequest request, CancellationToken cancellationToken)
    {
        var session = new AttachSession(new Socket(MessageSocket.ConnectSocket(keeper)));
        try
        {
            await session.SendAsync(request.Write(session._sent).Length, cancellationToken);
            return session;
        }
        catch
        {
            await session.DisposeAsync();
            throw;
        }
    }

    /// <summary>Completes when the container runs and this client is attached; input before that is lost.</summary>
    /// <exception cref="ContainerException">It does not run, or could not be started.</exception>
    public async Task WhenAttachedAsync(CancellationToken cancellationToken = default)
    {
        var count = await _socket.ReceiveAsync(_received, cancellationToken);
        if (count == 0)
            throw new ContainerException("the keeper has closed the connection");
        var message = new MessageReader(_received.AsSpan(0, count));
        if (message.Kind == MessageKind.Refused)
            throw new ContainerException(Refusal.Read(message).Message);
    }

    /// <summary>The next that it says; null when the container has ended, or the keeper was killed.</summary>
    public async ValueTask<AttachedPiece?> ReadAsync(CancellationToken cancellationToken = default)
    {
        var count = await _socket.ReceiveAsync(_received, cancellationToken);
        return count == 0 ? null : Parse(count);
    }

    /// <summary>Waits while the container does not take it.</summary>
    public async Task WriteAsync(ReadOnlyMemory<byte> input, CancellationToken cancellationToken = default)
    {
        for (; input.Length > 0; input = input[Math.Min(input.Length, KeeperProtocol.PieceMax)..])
        {
            var piece = input[..Math.Min(input.Length, KeeperProtocol.PieceMax)];
            await SendAsync(buffer =>
            {
                var message = new MessageWriter(buffer, MessageKind.Input);
                message.Put(piece.Span);
                return message.Message.Length;
            }, cancellationToken);
        }
    }

    /// <summary>The container reads the end of its input, after what was written.</summary>
    public Task EndInputAsync(CancellationToken cancellationToken = default) => SendAsync(buffer =>
    {
        buffer[0] = (byte)MessageKind.InputEnd;
        return 1;
    }, cancellationToken);

    /// <summary>The size of its terminal; without a terminal nothing happens.</summary>
    public Task ResizeAsync(int columns, int rows, CancellationToken cancellationToken = default) =>
        SendAsync(buffer => new Resize("", columns, rows).Write(buffer).Length, cancellationToken);

    public ValueTask DisposeAsync()
    {
        _socket.Dispose();
        _sending.Dispose();
        return ValueTask.CompletedTask;
    }

    private AttachedPiece Parse(int count)
    {
        var message = new MessageReader(_received.AsSpan(0, count));
        if (message.Kind == MessageKind.Gap)
            return new AttachedPiece(AttachedStream.Gap, default, message.LongNumber());
        var length = message.Bytes().Length;
        return new AttachedPiece(message.Kind == MessageKind.Errors ? AttachedStream.Errors : AttachedStream.Output, _received.AsMemory(count - length, length), 0);
    }

    private async Task SendAsync(Func<byte[], int> write, CancellationToken cancellationToken)
    {
        await _sending.WaitAsync(cancellationToken);
        try
        {
            await SendAsync(write(_sent), cancellationToken);
        }
        finally
        {
            _sending.Release();
        }
    }

    private async Task SendAsync(int length, CancellationToken cancellationToken) => await _socket.SendAsync(_sent.AsMemory(0, length), cancellationToken);
}
