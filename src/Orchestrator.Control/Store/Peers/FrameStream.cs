using System.Buffers;
using System.Buffers.Binary;
using System.Runtime.InteropServices;

namespace Orchestrator.Control.Store.Peers;

/// <param name="Body">Valid until the next frame is read.</param>
internal readonly record struct Frame(FrameKind Kind, ReadOnlyMemory<byte> Body);

/// <summary>
/// Frames over a connection: length of the rest (4 bytes, little-endian), kind (1), body. One reader and one writer at a time.
/// </summary>
internal sealed class FrameStream(Stream stream) : IAsyncDisposable
{
    private const int HeaderSize = 5;
    private const int BodyMax = 16 << 20;

    // A write of one slice counts as progress, so that a slow link is not taken for a dead one.
    private const int Slice = 64 << 10;

    private readonly ArrayBufferWriter<byte> _outgoing = new(4096);
    private byte[] _incoming = new byte[4096];
    private int _start;
    private int _end;

    /// <summary>Called after each step that moved bytes.</summary>
    public Action? Progressed { get; set; }

    /// <exception cref="EndOfStreamException">The other side closed the connection.</exception>
    /// <exception cref="InvalidDataException">Not a frame.</exception>
    public async ValueTask<Frame> ReadAsync(CancellationToken token)
    {
        await FillAsync(HeaderSize, token).ConfigureAwait(false);
        var length = BinaryPrimitives.ReadInt32LittleEndian(_incoming.AsSpan(_start)) - 1;
        if ((uint)length > BodyMax)
            throw new InvalidDataException($"a frame of {length} bytes: at most {BodyMax} are accepted between servers");
        var kind = (FrameKind)_incoming[_start + 4];
        _start += HeaderSize;
        await FillAsync(length, token).ConfigureAwait(false);
        var body = _incoming.AsMemory(_start, length);
        _start += length;
        return new(kind, body);
    }

    public ValueTask WriteAsync(FrameKind kind, CancellationToken token) => WriteAsync(kind, ReadOnlyMemory<byte>.Empty, token);

    public ValueTask WriteAsync<TMessage>(FrameKind kind, TMessage message, CancellationToken token)
        where TMessage : IMessage
    {
        Begin(kind);
        message.WriteTo(_outgoing);
        return SendAsync(token);
    }

    public ValueTask WriteAsync(FrameKind kind, ReadOnlyMemory<byte> body, CancellationToken token)
    {
        Begin(kind);
        _outgoing.Write(body.Span);
        return SendAsync(token);
    }

    public ValueTask DisposeAsync() => stream.DisposeAsync();

    private void Begin(FrameKind kind)
    {
        _outgoing.ResetWrittenCount();
        _outgoing.Add(0);
        _outgoing.Add((byte)kind);
    }

    private async ValueTask SendAsync(CancellationToken token)
    {
        var rest = MemoryMarshal.AsMemory(_outgoing.WrittenMemory);
        BinaryPrimitives.WriteInt32LittleEndian(rest.Span, rest.Length - 4);
        while (rest.Length > 0)
        {
            var slice = rest[..Math.Min(rest.Length, Slice)];
            await stream.WriteAsync(slice, token).ConfigureAwait(false);
            Progressed?.Invoke();
            rest = rest[slice.Length..];
        }
    }

    /// <summary>Makes so many bytes stand from <see cref="_start"/> on.</summary>
    private async ValueTask FillAsync(int count, CancellationToken token)
    {
        MakeRoom(count);
        while (_end - _start < count)
        {
            var read = await stream.ReadAsync(_incoming.AsMemory(_end), token).ConfigureAwait(false);
            if (read == 0)
                throw new EndOfStreamException("the connection was closed");
            _end += read;
            Progressed?.Invoke();
        }
    }

    private void MakeRoom(int count)
    {
        if (_start == _end)
            (_start, _end) = (0, 0);
        if (_incoming.Length - _start >= count)
            return;
        var target = _incoming.Length >= count ? _incoming : new byte[count];
        Buffer.BlockCopy(_incoming, _start, target, 0, _end - _start);
        (_incoming, _start, _end) = (target, 0, _end - _start);
    }
}
