using System.Buffers.Binary;
using System.IO.Compression;
using System.IO.Hashing;
using Google.Protobuf;
using Orchestrator.Model;

namespace Orchestrator.Control.Store;

/// <summary>
/// A snapshot file: magic (8 bytes), format version (4), Raft index (8) and term (8), CRC-32 of these (4); then sections of length (4),
/// CRC-32 (4) and bytes; last a section of length 0. The sections' bytes are one zlib stream of a protobuf <see cref="StateSnapshot"/>.
/// Integers are little-endian.
/// </summary>
internal static class SnapshotFormat
{
    private const int Version = 1;
    private const int HeaderSize = 8 + 4 + 8 + 8 + 4;

    private static ReadOnlySpan<byte> Magic => "ORCSNAP\n"u8;

    public static void Write(Stream output, ClusterState state, long index, long term)
    {
        output.Write(Header(index, term));
        using var sections = new SectionWriter(output);
        using var compressed = new ZLibStream(sections, CompressionLevel.Fastest);
        state.ToSnapshot().WriteTo(compressed);
    }

    /// <exception cref="InvalidDataException">Not a whole snapshot of this format.</exception>
    public static (ClusterState State, long Index, long Term) Read(Stream input)
    {
        var (index, term) = ReadHeader(input);
        using var sections = new SectionReader(input);
        using var compressed = new ZLibStream(sections, CompressionMode.Decompress);
        var snapshot = ParseState(compressed);
        sections.RequireEnd();
        return (ClusterState.FromSnapshot(snapshot), index, term);
    }

    private static StateSnapshot ParseState(Stream bytes)
    {
        try
        {
            return StateSnapshot.Parser.ParseFrom(bytes);
        }
        catch (InvalidProtocolBufferException e)
        {
            throw new InvalidDataException($"snapshot: {e.Message}", e);
        }
    }

    private static byte[] Header(long index, long term)
    {
        var header = new byte[HeaderSize];
        Magic.CopyTo(header);
        BinaryPrimitives.WriteInt32LittleEndian(header.AsSpan(8), Version);
        BinaryPrimitives.WriteInt64LittleEndian(header.AsSpan(12), index);
        BinaryPrimitives.WriteInt64LittleEndian(header.AsSpan(20), term);
        BinaryPrimitives.WriteUInt32LittleEndian(header.AsSpan(28), Crc32.HashToUInt32(header.AsSpan(0, 28)));
        return header;
    }

    private static (long Index, long Term) ReadHeader(Stream input)
    {
        Span<byte> header = stackalloc byte[HeaderSize];
        if (input.ReadAtLeast(header, HeaderSize, throwOnEndOfStream: false) < HeaderSize || !header.StartsWith(Magic))
            throw new InvalidDataException("not a snapshot: the file does not begin with its magic");
        if (BinaryPrimitives.ReadUInt32LittleEndian(header[28..]) != Crc32.HashToUInt32(header[..28]))
            throw new InvalidDataException("snapshot: the header's checksum is wrong");
        if (BinaryPrimitives.ReadInt32LittleEndian(header[8..]) is var version && version != Version)
            throw new InvalidDataException($"snapshot of format {version}, expected {Version}: was it written by a newer version?");
        return (BinaryPrimitives.ReadInt64LittleEndian(header[12..]), BinaryPrimitives.ReadInt64LittleEndian(header[20..]));
    }
}
