using System.Buffers.Binary;
using System.Text;

namespace Orchestrator.Keeping;

/// <summary>Fills a buffer with one message: little-endian numbers, texts of UTF-8 behind their length.</summary>
/// <exception cref="ArgumentException">The buffer is too small.</exception>
public ref struct MessageWriter
{
    private readonly Span<byte> _buffer;
    private int _length;

    public MessageWriter(Span<byte> buffer, MessageKind kind)
    {
        _buffer = buffer;
        Put((byte)kind);
    }

    public readonly ReadOnlySpan<byte> Message => _buffer[.._length];

    public void Put(byte value) => _buffer[_length++] = value;

    public void Put(bool value) => Put((byte)(value ? 1 : 0));

    public void Put(int value)
    {
        BinaryPrimitives.WriteInt32LittleEndian(_buffer[_length..], value);
        _length += sizeof(int);
    }

    public void Put(long value)
    {
        BinaryPrimitives.WriteInt64LittleEndian(_buffer[_length..], value);
        _length += sizeof(long);
    }

    public void Put(string text)
    {
        var length = Encoding.UTF8.GetBytes(text, _buffer[(_length + sizeof(int))..]);
        Put(length);
        _length += length;
    }

    public void Put(ReadOnlySpan<byte> bytes)
    {
        Put(bytes.Length);
        bytes.CopyTo(_buffer[_length..]);
        _length += bytes.Length;
    }
}
