using System.Text;

namespace Orchestrator.Oci.Archives;

/// <summary>The 512 bytes before a member: fields by their offsets in POSIX ustar and in GNU's old variant.</summary>
internal readonly struct TarHeader(byte[] block)
{
    public char TypeFlag => (char)block[156];

    public byte[] Name
    {
        get
        {
            var name = Text(0, 100);
            // GNU's magic is "ustar  "; it has other things where POSIX has the prefix.
            return block.AsSpan(257, 6).SequenceEqual("ustar\0"u8) && block[345] != 0 ? [.. Text(345, 155), (byte)'/', .. name] : name;
        }
    }

    public byte[] LinkName => Text(157, 100);

    public uint Mode => (uint)Number(100, 8) & 0xFFF;

    public long Uid => Number(108, 8);

    public long Gid => Number(116, 8);

    public long Size => Number(124, 12);

    public long ModifiedSeconds => Number(136, 12);

    public uint DeviceMajor => (uint)Number(329, 8);

    public uint DeviceMinor => (uint)Number(337, 8);

    public long RealSize => Number(483, 12);

    public TarEntryKind Kind(ReadOnlySpan<byte> name) => TypeFlag switch
    {
        '0' or '\0' or '7' when name is [.., (byte)'/'] => TarEntryKind.Directory,
        '0' or '\0' or '7' or 'S' => TarEntryKind.Regular,
        '1' => TarEntryKind.HardLink,
        '2' => TarEntryKind.SymbolicLink,
        '3' => TarEntryKind.CharacterDevice,
        '4' => TarEntryKind.BlockDevice,
        '5' => TarEntryKind.Directory,
        '6' => TarEntryKind.Fifo,
        var other => throw new InvalidDataException($"tar entry {Encoding.UTF8.GetString(name)} is of the unknown type '{other}'"),
    };

    public void VerifyChecksum(long position)
    {
        long unsigned = 8 * ' ', signed = 8 * ' ';
        for (var i = 0; i < block.Length; i++)
        {
            if (i is >= 148 and < 156)
                continue;
            unsigned += block[i];
            signed += (sbyte)block[i];
        }
        var expected = Number(148, 8);
        // Some old writers summed signed bytes.
        if (expected != unsigned && expected != signed)
            throw new InvalidDataException($"malformed tar at byte {position}: a header with the wrong checksum");
    }

    /// <summary>Adds the four pairs of an old GNU sparse header; true when extension blocks follow.</summary>
    public bool ReadSparse(List<(long, long)> map) => ReadPairs(386, 4, map) && block[482] != 0;

    public static bool ReadSparseExtension(byte[] block, List<(long, long)> map) =>
        new TarHeader(block).ReadPairs(0, 21, map) && block[504] != 0;

    private bool ReadPairs(int at, int count, List<(long, long)> map)
    {
        for (var i = 0; i < count; i++, at += 24)
        {
            if (block[at] == 0)
                return true;
            map.Add((Number(at, 12), Number(at + 12, 12)));
        }
        return true;
    }

    private byte[] Text(int offset, int length) => TarReader.TrimNul(block.AsSpan(offset, length).ToArray());

    /// <summary>Octal digits between blanks, or base-256 when the top bit of the first byte is set.</summary>
    private long Number(int offset, int length)
    {
        var field = block.AsSpan(offset, length);
        if ((field[0] & 0x80) != 0)
            return Base256(field);
        long value = 0;
        foreach (var b in field.Trim(" \0"u8))
            value = b is >= (byte)'0' and <= (byte)'7' ? (value << 3) | (uint)(b - '0') : throw Malformed(field);
        return value;
    }

    private static long Base256(ReadOnlySpan<byte> field)
    {
        var negative = (field[0] & 0x40) != 0;
        long value = negative ? field[0] - 0x100L : field[0] & 0x7F;
        for (var i = 1; i < field.Length; i++)
        {
            if (value is > (long.MaxValue >> 8) or < (long.MinValue >> 8))
                throw Malformed(field);
            value = (value << 8) | field[i];
        }
        return value;
    }

    private static InvalidDataException Malformed(ReadOnlySpan<byte> field) =>
        new($"malformed tar header: \"{Encoding.Latin1.GetString(field)}\" is not an octal number");
}
