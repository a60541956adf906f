using System.Buffers;
using System.Buffers.Binary;
using System.Collections;
using DotNext.Net.Cluster.Consensus.Raft.StateMachine;

namespace Orchestrator.Control.Store.Peers;

/// <summary>
/// Consecutive log entries in the form in which they travel, copied out of the log and bounded in size. Each is term (8 bytes), flags (1),
/// command id (4), length (4), bytes; integers are little-endian.
/// </summary>
internal sealed class EntryChunk : IReadOnlyList<WireEntry>, IDisposable
{
    /// <summary>No entry is begun after so many bytes or entries.</summary>
    public const int BytesMax = 1 << 20;
    public const int EntriesMax = 4096;

    private const int HeaderSize = 8 + 1 + 4 + 4;
    private const byte Configuration = 1;
    private const byte HasCommandId = 2;

    // Rented: at full speed a chunk is large and short-lived, which costs a full garbage collection now and then.
    private byte[] _bytes = [];
    private int _length;

    private EntryChunk()
    {
    }

    public static EntryChunk Empty { get; } = new();

    public int Count { get; private init; }

    public ReadOnlyMemory<byte> Bytes => _bytes.AsMemory(0, _length);

    /// <summary>The log held more than fitted in.</summary>
    public bool IsPartial { get; private init; }

    public WireEntry this[int index] => Parse(Bytes, Count)[index];

    /// <summary>The first of <paramref name="entries"/>, at least one.</summary>
    public static EntryChunk Of(WriteAheadLog.LogEntryReader entries)
    {
        var (count, size) = Fitting(entries);
        var chunk = new EntryChunk { Count = count, IsPartial = count < entries.Count, _bytes = ArrayPool<byte>.Shared.Rent(size) };
        for (var i = 0; i < count; i++)
            chunk.Add(entries[i]);
        return chunk;
    }

    /// <summary>The bytes must not be used any more.</summary>
    public void Dispose()
    {
        if (_bytes.Length > 0)
            ArrayPool<byte>.Shared.Return(_bytes);
        (_bytes, _length) = ([], 0);
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

    private static (int Count, int Size) Fitting(WriteAheadLog.LogEntryReader entries)
    {
        var (count, size) = (0, 0L);
        while (count < entries.Count && count < EntriesMax && size < BytesMax)
            size += HeaderSize + (entries[count++].Length ?? 0);
        return (count, checked((int)size));
    }

    private void Add(LogEntry entry)
    {
        if (!entry.TryGetPayload(out var payload))
            throw new InvalidOperationException($"entry {entry.Index} is a snapshot, which does not travel among entries");
        var target = _bytes.AsSpan(_length);
        BinaryPrimitives.WriteInt64LittleEndian(target, entry.Term);
        target[8] = (byte)((entry.IsConfiguration ? Configuration : 0) | (entry.CommandId is null ? 0 : HasCommandId));
        BinaryPrimitives.WriteInt32LittleEndian(target[9..], entry.CommandId ?? 0);
        BinaryPrimitives.WriteInt32LittleEndian(target[13..], (int)payload.Length);
        payload.CopyTo(target[HeaderSize..]);
        _length += HeaderSize + (int)payload.Length;
    }
}
