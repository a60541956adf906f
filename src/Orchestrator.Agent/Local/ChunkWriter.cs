namespace Orchestrator.Agent.Local;

/// <summary>A stream to write to that goes out in pieces; what is left goes when it is disposed.</summary>
internal sealed class ChunkWriter(int pieceBytes, Func<ReadOnlyMemory<byte>, Task> send) : Stream
{
    private readonly byte[] _piece = new byte[pieceBytes];
    private int _filled;

    public override bool CanRead => false;
    public override bool CanSeek => false;
    public override bool CanWrite => true;
    public override long Length => throw new NotSupportedException();
    public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

    public override async ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
    {
        while (buffer.Length > 0)
        {
            var count = Math.Min(buffer.Length, _piece.Length - _filled);
            buffer[..count].CopyTo(_piece.AsMemory(_filled));
            (_filled, buffer) = (_filled + count, buffer[count..]);
            if (_filled == _piece.Length)
                await SendAsync();
        }
    }

    public override Task WriteAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        WriteAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    public override void Write(byte[] buffer, int offset, int count) => WriteAsync(buffer.AsMemory(offset, count)).AsTask().GetAwaiter().GetResult();

    public override async ValueTask DisposeAsync()
    {
        if (_filled > 0)
            await SendAsync();
        await base.DisposeAsync();
    }

    public override void Flush()
    {
    }

    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();
    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();
    public override void SetLength(long value) => throw new NotSupportedException();

    private async Task SendAsync()
    {
        await send(_piece.AsMemory(0, _filled));
        _filled = 0;
    }
}
