namespace Orchestrator.Oci.Archives;

/// <summary>
/// Reads tar archives exactly: ustar, PAX, GNU long names and sparse files, base-256 numbers, binary extended attributes.
/// (System.Formats.Tar decodes names and attribute values as text, which loses security.capability.)
/// </summary>
public sealed class TarReader(Stream stream)
{
    internal const int BlockSize = 512;
    private const int MetadataSizeMax = 1 << 20;

    private readonly byte[] _buffer = new byte[1 << 17];
    private readonly PaxRecords _global = new();
    private int _start;
    private int _end;
    private long _dataLeft;
    private int _padding;

    /// <summary>Where in the archive the reader is; after <see cref="Next"/>, where the entry's data starts.</summary>
    public long Position { get; private set; }

    /// <summary>Bytes of the current entry's data not yet read.</summary>
    public long DataLeft => _dataLeft;

    /// <summary>The next entry, or null at the end of the archive.</summary>
    /// <exception cref="InvalidDataException">The archive is malformed or cut off.</exception>
    public TarEntry? Next()
    {
        var pax = new PaxRecords(_global);
        byte[]? longName = null, longLink = null;
        while (true)
        {
            SkipData();
            var block = ReadBlock(endAllowed: longName is null && longLink is null);
            if (block is null)
                return null;
            var header = new TarHeader(block);
            header.VerifyChecksum(Position - BlockSize);
            switch (header.TypeFlag)
            {
                case 'x':
                    pax.Read(ReadMetadata(header.Size));
                    break;
                case 'g':
                    _global.Read(ReadMetadata(header.Size));
                    pax.Read(_global);
                    break;
                case 'L':
                    longName = TrimNul(ReadMetadata(header.Size));
                    break;
                case 'K':
                    longLink = TrimNul(ReadMetadata(header.Size));
                    break;
                default:
                    return MakeEntry(header, pax, longName, longLink);
            }
        }
    }

    /// <summary>A piece of the current entry's data, valid until the next call; empty at its end.</summary>
    public ReadOnlySpan<byte> ReadData(long most = long.MaxValue)
    {
        if (_dataLeft == 0)
            return default;
        if (_start == _end)
            Fill();
        var count = (int)Math.Min(Math.Min(_dataLeft, most), _end - _start);
        var data = _buffer.AsSpan(_start, count);
        _start += count;
        Position += count;
        _dataLeft -= count;
        return data;
    }

    /// <summary>Reads what follows the archive's end, so that a hash over the stream covers it.</summary>
    public void DrainStream()
    {
        _start = _end = 0;
        while (stream.Read(_buffer) > 0)
        {
        }
    }

    private TarEntry MakeEntry(TarHeader header, PaxRecords pax, byte[]? longName, byte[]? longLink)
    {
        var name = pax.Bytes("path") ?? longName ?? header.Name;
        var kind = header.Kind(name);
        _dataLeft = kind == TarEntryKind.Regular ? pax.Number("size") ?? header.Size : 0;
        if (_dataLeft < 0)
            throw Malformed("a negative size");
        _padding = (int)(-_dataLeft & (BlockSize - 1));
        var size = _dataLeft;
        var sparse = kind == TarEntryKind.Regular ? ReadSparseMap(header, pax, ref name, ref size) : null;
        var (seconds, nanoseconds) = pax.Time("mtime") ?? (header.ModifiedSeconds, 0);
        var linkName = pax.Bytes("linkpath") ?? longLink ?? header.LinkName;
        if (name.Contains((byte)0) || linkName.Contains((byte)0) || pax.ExtendedAttributes.Any(a => a.Item1.Contains('\0', StringComparison.Ordinal)))
            throw Malformed("a name with a NUL in it");
        return new TarEntry
        {
            Kind = kind,
            Name = name,
            LinkName = linkName,
            Mode = header.Mode,
            Uid = Id(pax.Number("uid") ?? header.Uid),
            Gid = Id(pax.Number("gid") ?? header.Gid),
            ModifiedSeconds = seconds,
            ModifiedNanoseconds = nanoseconds,
            Size = size,
            DeviceMajor = header.DeviceMajor,
            DeviceMinor = header.DeviceMinor,
            ExtendedAttributes = pax.ExtendedAttributes,
            SparseMap = sparse,
        };
    }

    private uint Id(long id) => id is >= 0 and < uint.MaxValue ? (uint)id : throw Malformed($"a user or group id of {id}");

    private List<(long, long)>? ReadSparseMap(TarHeader header, PaxRecords pax, ref byte[] name, ref long size)
    {
        List<(long, long)>? map = null;
        if (header.TypeFlag == 'S')
        {
            map = [];
            size = header.RealSize;
            for (var more = header.ReadSparse(map); more;)
                more = TarHeader.ReadSparseExtension(ReadBlock(endAllowed: false)!, map);
        }
        else if (pax.Number("GNU.sparse.major") == 1)
        {
            (name, size) = (pax.Bytes("GNU.sparse.name") ?? name, pax.Number("GNU.sparse.realsize") ?? size);
            map = ReadSparseMapOfData();
        }
        else if (pax.SparseMap() is { } listed)
        {
            (name, size, map) = (pax.Bytes("GNU.sparse.name") ?? name, pax.Number("GNU.sparse.size") ?? size, listed);
        }
        if (map is not null)
            CheckSparseMap(map, size);
        return map;
    }

    private void CheckSparseMap(List<(long Offset, long Length)> map, long size)
    {
        long end = 0, total = 0;
        foreach (var (offset, length) in map)
        {
            if (offset < end || length < 0 || length > size - offset)
                throw Malformed("a sparse map out of order or beyond the file's size");
            (end, total) = (offset + length, total + length);
        }
        if (total != _dataLeft)
            throw Malformed($"a sparse map of {total} bytes for {_dataLeft} bytes of data");
    }

    /// <summary>Format 1.0: decimal lines at the head of the data, padded to a block.</summary>
    private List<(long, long)> ReadSparseMapOfData()
    {
        var map = new List<(long, long)>();
        var start = _dataLeft;
        var count = ReadDecimalLine();
        if (count > MetadataSizeMax / 4)
            throw Malformed($"a sparse map of {count} entries");
        for (long i = 0; i < count; i++)
            map.Add((ReadDecimalLine(), ReadDecimalLine()));
        for (var rest = -(start - _dataLeft) & (BlockSize - 1); rest > 0; rest--)
            ReadDataByte();
        return map;
    }

    private long ReadDecimalLine()
    {
        long value = 0;
        for (int b, digits = 0; (b = ReadDataByte()) != '\n'; digits++)
        {
            if (b is < '0' or > '9' || digits > 17)
                throw Malformed("a sparse map that is not decimal numbers");
            value = (value * 10) + (b - '0');
        }
        return value;
    }

    private byte ReadDataByte()
    {
        if (_dataLeft == 0)
            throw Malformed("a sparse map cut off");
        if (_start == _end)
            Fill();
        Position++;
        _dataLeft--;
        return _buffer[_start++];
    }

    private byte[] ReadMetadata(long size)
    {
        if (size is < 0 or > MetadataSizeMax)
            throw Malformed($"a header of {size} bytes; at most {MetadataSizeMax} are accepted");
        (_dataLeft, _padding) = (size, (int)(-size & (BlockSize - 1)));
        var data = new byte[size];
        for (var at = 0; at < data.Length;)
        {
            var piece = ReadData();
            piece.CopyTo(data.AsSpan(at));
            at += piece.Length;
        }
        return data;
    }

    private void SkipData()
    {
        while (_dataLeft > 0)
            ReadData();
        (_dataLeft, _padding) = (_padding, 0);
        while (_dataLeft > 0)
            ReadData();
    }

    /// <summary>Null at the end: a block of zeros, or the stream's end where a header may stand.</summary>
    private byte[]? ReadBlock(bool endAllowed)
    {
        var block = new byte[BlockSize];
        for (var at = 0; at < BlockSize;)
        {
            if (_start == _end && !TryFill())
                return at == 0 && endAllowed ? null : throw Malformed("cut off");
            var count = Math.Min(BlockSize - at, _end - _start);
            _buffer.AsSpan(_start, count).CopyTo(block.AsSpan(at));
            _start += count;
            Position += count;
            at += count;
        }
        return endAllowed && !block.AsSpan().ContainsAnyExcept((byte)0) ? null : block;
    }

    private void Fill()
    {
        if (!TryFill())
            throw Malformed("cut off");
    }

    private bool TryFill()
    {
        _start = 0;
        _end = stream.Read(_buffer);
        return _end > 0;
    }

    private InvalidDataException Malformed(string what) => new($"malformed tar at byte {Position}: {what}");

    internal static byte[] TrimNul(byte[] bytes) => bytes.AsSpan().IndexOf((byte)0) is >= 0 and var end ? bytes[..end] : bytes;
}
