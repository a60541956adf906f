using System.Buffers;
using System.Collections;
using DotNext.Net.Cluster.Consensus.Raft.StateMachine;

namespace Orchestrator.Control.Store.Peers;

/// <summary>
/// Consecutive log entries in the form in which they travel, copied out of the log and bounded in size. Each is term (8 bytes), flags (1),
/// command id (4), length (4), bytes; integers are little-endian.
/// </summary>
internal sealed class EntryChunk : IReadOnlyList<WireEntry>
{
    /// <summary>No entry is begun after so many bytes or entries.</summary>
    public const int BytesMax = 1 << 20;
    public const int EntriesMax = 4096;

    private const byte Configuration = 1;
    private const byte HasCommandId = 2;

    private readonly ArrayBufferWriter<byte> _bytes = new(1024);

    private EntryChunk()
    {
    }

    public static EntryChunk Empty { get; } = new();

    public int Count { get; private set; }

    public ReadOnlyMemory<byte> Bytes => _bytes.WrittenMemory;

    /// <summary>The log held more than fitted in.</summary>
    public bool IsPartial { get; private set; }

    public WireEntry this[int index] => Parse(Bytes, Count)[index];

    /// <summary>The first of <paramref name="entries"/>, at least one.</summary>
    public static EntryChunk Of(WriteAheadLog.LogEntryReader entries)
    {
        var chunk = new EntryChunk();
        while (chunk.Count < entries.Count && chunk.Count < EntriesMax && chunk._bytes.WrittenCount < BytesMax)
            chunk.Add(entries[chunk.Count]);
        chunk.IsPartial = chunk.Count < entries.Count;
        return chunk;
    }

    public static WireEntry[] Parse(ReadOnlyMemory<byte> bytes, int count)
    {
        var fields = new FieldReader(bytes);
        var entries = new WireEntry[count];
        for (var i = 0; i < count; i++)
            entries[i] = ParseEntry(ref fields);
        return entries;
    }

    public IEnumerator<WireEntry> GetEnumerator() => Parse(Bytes, Count).AsEnumerable().GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

    private static WireEntry ParseEntry(ref FieldReader fields)
    {
        var (term, flags, commandId) = (fields.Int64(), fields.Byte(), fields.Int32());
        return new()
        {
            Term = term,
            IsConfiguration = (flags & Configuration) != 0,
            CommandId = (flags & HasCommandId) != 0 ? commandId : null,
            Payload = fields.Bytes(fields.Int32()),
        };
    }

    private void Add(LogEntry entry)
    {
        if (!entry.TryGetPayload(out var payload))
            throw new InvalidOperationException($"entry {entry.Index} is a snapshot, which does not travel among entries");
        _bytes.Add(entry.Term);
        _bytes.Add((byte)((entry.IsConfiguration ? Configuration : 0) | (entry.CommandId is null ? 0 : HasCommandId)));
        _bytes.Add(entry.CommandId ?? 0);
        _bytes.Add((int)payload.Length);
        foreach (var segment in payload)
            _bytes.Write(segment.Span);
        Count++;
    }
}
