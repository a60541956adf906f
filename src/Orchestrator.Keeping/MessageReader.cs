using System.Buffers.Binary;
using System.Text;

namespace Orchestrator.Keeping;

/// <summary>Takes a message apart in the order in which it was written.</summary>
/// <exception cref="ArgumentException">It is shorter than it says.</exception>
public ref struct MessageReader(ReadOnlySpan<byte> message)
{
    private ReadOnlySpan<byte> _rest = message[1..];

    public MessageKind Kind { get; } = (MessageKind)message[0];

    public readonly bool IsAtEnd => _rest.IsEmpty;

    public byte Byte() => Take(1)[0];

    public bool Flag() => Byte() != 0;

    public int Number() => BinaryPrimitives.ReadInt32LittleEndian(Take(sizeof(int)));

    public long LongNumber() => BinaryPrimitives.ReadInt64LittleEndian(Take(sizeof(long)));

    public string Text() => Encoding.UTF8.GetString(Bytes());

    public ReadOnlySpan<byte> Bytes() => Take(Number());

    private ReadOnlySpan<byte> Take(int count)
    {
        if (count < 0 || count > _rest.Length)
            throw new ArgumentException($"a message of kind {Kind} ends too early");
        var taken = _rest[..count];
        _rest = _rest[count..];
        return taken;
    }
}
