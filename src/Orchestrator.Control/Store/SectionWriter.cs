using System.Buffers.Binary;
using System.IO.Hashing;

namespace Orchestrator.Control.Store;

/// <summary>Cuts what is written to it into sections with a checksum each; disposing writes the end mark.</summary>
internal sealed class SectionWriter(Stream output) : Stream
{
    private readonly byte[] _section = new byte[64 << 10];
    private int _used;
    private bool _ended;

    public override bool CanRead => false;
    public override bool CanSeek => false;
    public override bool CanWrite => true;
    public override long Length => throw new NotSupportedException();
    public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

    public override void Write(ReadOnlySpan<byte> buffer)
    {
        while (buffer.Length > 0)
        {
            var part = Math.Min(buffer.Length, _section.Length - _used);
            buffer[..part].CopyTo(_section.AsSpan(_used));
            _used += part;
            buffer = buffer[part..];
            if (_used == _section.Length)
                WriteSection();
        }
    }

    public override void Write(byte[] buffer, int offset, int count) => Write(buffer.AsSpan(offset, count));

    public override void Flush() { }

    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    protected override void Dispose(bool disposing)
    {
        if (disposing && !_ended)
        {
            _ended = true;
            if (_used > 0)
                WriteSection();
            WriteSection();
        }
        base.Dispose(disposing);
    }

    private void WriteSection()
    {
        Span<byte> header = stackalloc byte[8];
        BinaryPrimitives.WriteInt32LittleEndian(header, _used);
        BinaryPrimitives.WriteUInt32LittleEndian(header[4..], Crc32.HashToUInt32(_section.AsSpan(0, _used)));
        output.Write(header);
        output.Write(_section, 0, _used);
        _used = 0;
    }
}
