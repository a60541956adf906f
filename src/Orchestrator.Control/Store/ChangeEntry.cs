using System.Buffers;
using System.Buffers.Binary;
using Google.Protobuf;
using Orchestrator.Model;

namespace Orchestrator.Control.Store;

/// <summary>
/// The payload of one Raft entry: format version (1 byte), batch id (16), count (4), then each change as length (4) and protobuf bytes;
/// integers are little-endian.
/// </summary>
internal sealed record ChangeEntry(Guid BatchId, IReadOnlyList<Change> Changes)
{
    private const byte Version = 1;
    private const int HeaderSize = 1 + 16 + 4;

    /// <summary>What one change adds to an entry.</summary>
    public static int SizeOf(Change change) => 4 + change.CalculateSize();

    public byte[] ToBytes()
    {
        var bytes = new byte[HeaderSize + Changes.Sum(SizeOf)];
        bytes[0] = Version;
        BatchId.TryWriteBytes(bytes.AsSpan(1));
        BinaryPrimitives.WriteInt32LittleEndian(bytes.AsSpan(17), Changes.Count);
        var at = HeaderSize;
        foreach (var change in Changes)
        {
            var size = change.CalculateSize();
            BinaryPrimitives.WriteInt32LittleEndian(bytes.AsSpan(at), size);
            change.WriteTo(bytes.AsSpan(at + 4, size));
            at += 4 + size;
        }
        return bytes;
    }

    /// <exception cref="InvalidDataException">Not an entry of this format: written by a newer version, or corrupt.</exception>
    public static ChangeEntry Parse(ReadOnlySequence<byte> payload)
    {
        if (payload.Length < HeaderSize || payload.FirstSpan[0] != Version)
            throw new InvalidDataException($"log entry of {payload.Length} bytes is not of format {Version}: was it written by a newer version?");
        Span<byte> header = stackalloc byte[HeaderSize];
        payload.Slice(0, HeaderSize).CopyTo(header);
        var changes = new Change[BinaryPrimitives.ReadInt32LittleEndian(header[17..])];
        var rest = payload.Slice(HeaderSize);
        for (var i = 0; i < changes.Length; i++)
            changes[i] = ReadChange(ref rest);
        return new(new Guid(header.Slice(1, 16)), changes);
    }

    private static Change ReadChange(ref ReadOnlySequence<byte> rest)
    {
        Span<byte> length = stackalloc byte[4];
        rest.Slice(0, 4).CopyTo(length);
        var size = BinaryPrimitives.ReadInt32LittleEndian(length);
        var change = Change.Parser.ParseFrom(rest.Slice(4, size));
        rest = rest.Slice(4 + size);
        return change;
    }
}
