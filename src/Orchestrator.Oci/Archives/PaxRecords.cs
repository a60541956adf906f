using System.Globalization;
using System.Text;

namespace Orchestrator.Oci.Archives;

/// <summary>Records of PAX extended headers ("length key=value\n"); values stay bytes. The last record of a key holds.</summary>
internal sealed class PaxRecords
{
    private const string AttributePrefix = "SCHILY.xattr.";

    private readonly Dictionary<string, byte[]> _records = [];
    private readonly List<(string Key, string Value)> _sparse = [];

    public PaxRecords()
    {
    }

    public PaxRecords(PaxRecords defaults) => Read(defaults);

    public IReadOnlyList<(string, byte[])> ExtendedAttributes =>
        _records.Count == 0 ? [] : [.. _records.Where(r => r.Key.StartsWith(AttributePrefix, StringComparison.Ordinal)).Select(r => (r.Key[AttributePrefix.Length..], r.Value))];

    public void Read(PaxRecords others)
    {
        foreach (var (key, value) in others._records)
            _records[key] = value;
    }

    public void Read(ReadOnlySpan<byte> records)
    {
        while (records.Length > 0)
        {
            var space = records.IndexOf((byte)' ');
            if (space < 1 || !int.TryParse(records[..space], NumberStyles.None, CultureInfo.InvariantCulture, out var length)
                || length <= space + 1 || length > records.Length || records[length - 1] != '\n')
                throw Malformed("a record of the wrong length");
            var record = records[(space + 1)..(length - 1)];
            var equals = record.IndexOf((byte)'=');
            if (equals < 1)
                throw Malformed("a record without a key");
            Add(Encoding.UTF8.GetString(record[..equals]), record[(equals + 1)..]);
            records = records[length..];
        }
    }

    public byte[]? Bytes(string key) => _records.TryGetValue(key, out var value) && value.Length > 0 ? value : null;

    public long? Number(string key) =>
        Bytes(key) is not { } value ? null
        : long.TryParse(value, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var number) ? number
        : throw Malformed($"{key} is not a number");

    /// <summary>Seconds with a decimal fraction, perhaps negative.</summary>
    public (long Seconds, uint Nanoseconds)? Time(string key)
    {
        if (Bytes(key) is not { } value)
            return null;
        if (!decimal.TryParse(value, NumberStyles.AllowLeadingSign | NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var time)
            || decimal.Abs(time) > long.MaxValue / 2)
            throw Malformed($"{key} is not a time");
        var seconds = decimal.Floor(time);
        return ((long)seconds, (uint)((time - seconds) * 1_000_000_000));
    }

    /// <summary>GNU's sparse formats 0.0 (a record a number) and 0.1 (one list); null when there is none.</summary>
    public List<(long, long)>? SparseMap()
    {
        var numbers = Bytes("GNU.sparse.map") is { } list
            ? [.. Encoding.ASCII.GetString(list).Split(',')]
            : _sparse.ConvertAll(s => s.Value);
        if (numbers.Count == 0)
            return Bytes("GNU.sparse.size") is null ? null : [];
        if (numbers.Count % 2 != 0)
            throw Malformed("a sparse map with an odd count of numbers");
        return [.. numbers.Chunk(2).Select(p => (Decimal(p[0]), Decimal(p[1])))];
    }

    private void Add(string key, ReadOnlySpan<byte> value)
    {
        if (key is "GNU.sparse.offset" or "GNU.sparse.numbytes")
            _sparse.Add((key, Encoding.ASCII.GetString(value)));
        else
            _records[key] = value.ToArray();
    }

    private static long Decimal(string text) =>
        long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : throw Malformed("a sparse map that is not numbers");

    private static InvalidDataException Malformed(string what) => new($"malformed PAX header: {what}");
}
