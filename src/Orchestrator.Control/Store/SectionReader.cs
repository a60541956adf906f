using System.Buffers.Binary;
using System.IO.Hashing;

namespace Orchestrator.Control.Store;

/// <summary>The bytes that a <see cref="SectionWriter"/> was given; a damaged or missing section is an <see cref="InvalidDataException"/>.</summary>
internal sealed class SectionReader(Stream input) : Stream
{
    private const int SectionMax = 1 << 20;

    private byte[] _section = [];
    private int _at;
    private bool _ended;

    public override bool CanRead => true;
    public override bool CanSeek => false;
    public override bool CanWrite => false;
    public override long Length => throw new NotSupportedException();
    public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

    public override int Read(Span<byte> buffer)
    {
        if (_at == _section.Length && !_ended)
            ReadSection();
        var part = Math.Min(buffer.Length, _section.Length - _at);
        _section.AsSpan(_at, part).CopyTo(buffer);
        _at += part;
        return part;
    }

    public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));

    /// <summary>Nothing may be left, and the end mark must be there.</summary>
    public void RequireEnd()
    {
        Span<byte> more = stackalloc byte[1];
        if (Read(more) > 0)
            throw new InvalidDataException("snapshot: bytes after its end");
    }

    public override void Flush() { }

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    private void ReadSection()
    {
        Span<byte> header = stackalloc byte[8];
        if (input.ReadAtLeast(header, 8, throwOnEndOfStream: false) < 8)
            throw new InvalidDataException("snapshot: it ends early");
        var length = BinaryPrimitives.ReadInt32LittleEndian(header);
        if (length is < 0 or > SectionMax)
            throw new InvalidDataException($"snapshot: a section of {length} bytes");
        (_section, _at, _ended) = (new byte[length], 0, length == 0);
        if (input.ReadAtLeast(_section, length, throwOnEndOfStream: false) < length)
            throw new InvalidDataException("snapshot: it ends early");
        if (BinaryPrimitives.ReadUInt32LittleEndian(header[4..]) != Crc32.HashToUInt32(_section))
            throw new InvalidDataException("snapshot: a section's checksum is wrong");
    }
}
