using System.Buffers;
using System.Buffers.Binary;

namespace Orchestrator.Control.Store.Peers;

/// <summary>Little-endian fields, appended.</summary>
internal static class Fields
{
    public static void Add(this IBufferWriter<byte> output, long value)
    {
        BinaryPrimitives.WriteInt64LittleEndian(output.GetSpan(8), value);
        output.Advance(8);
    }

    public static void Add(this IBufferWriter<byte> output, int value)
    {
        BinaryPrimitives.WriteInt32LittleEndian(output.GetSpan(4), value);
        output.Advance(4);
    }

    public static void Add(this IBufferWriter<byte> output, byte value)
    {
        output.GetSpan(1)[0] = value;
        output.Advance(1);
    }
}

/// <summary>Little-endian fields, read in order. Too few bytes throw <see cref="InvalidDataException"/>.</summary>
internal ref struct FieldReader(ReadOnlyMemory<byte> bytes)
{
    private ReadOnlyMemory<byte> _rest = bytes;

    public readonly ReadOnlyMemory<byte> Rest => _rest;

    public long Int64() => BinaryPrimitives.ReadInt64LittleEndian(Bytes(8).Span);

    public int Int32() => BinaryPrimitives.ReadInt32LittleEndian(Bytes(4).Span);

    public byte Byte() => Bytes(1).Span[0];

    public ReadOnlyMemory<byte> Bytes(int count)
    {
        if ((uint)count > (uint)_rest.Length)
            throw new InvalidDataException($"a message between servers is cut off: {count} bytes expected, {_rest.Length} left");
        var taken = _rest[..count];
        _rest = _rest[count..];
        return taken;
    }
}
