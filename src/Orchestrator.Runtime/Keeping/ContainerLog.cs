using System.Buffers.Text;

namespace Orchestrator.Runtime.Keeping;

/// <summary>What a container says, in the format of Kubernetes' CRI: time, stream, F or P (the line goes on), text.</summary>
/// <remarks>Appending allocates nothing: the keeper lives as long as the node and should stay as small as it began.</remarks>
internal sealed class ContainerLog(LogFile file, LogWriter writer)
{
    private const int HeadMax = 64;
    private LogChunk? _chunk;

    public LogFile File { get; } = file;

    /// <summary>Chunks with the writer; under the writer's lock.</summary>
    public int Waiting { get; set; }

    public volatile bool IsClosed;

    public bool HasRoom => writer.HasRoomFor(this);

    /// <summary>Whether anything was ever written.</summary>
    public bool IsUsed { get; private set; }

    /// <summary>Takes one record; <see cref="Flush"/> sends it on its way.</summary>
    public void Append(ReadOnlySpan<byte> stream, ReadOnlySpan<byte> text, bool isWhole, DateTime time)
    {
        var length = HeadMax + text.Length;
        if (_chunk is not null && _chunk.Length + length > LogChunk.Size)
            Flush();
        _chunk ??= writer.Rent();
        var record = _chunk.Bytes.AsSpan(_chunk.Length);
        var written = WriteHead(record, stream, isWhole, time);
        text.CopyTo(record[written..]);
        record[written + text.Length] = (byte)'\n';
        _chunk.Length += written + text.Length + 1;
    }

    public void Flush()
    {
        if (_chunk is null)
            return;
        IsUsed = true;
        writer.Enqueue(this, _chunk);
        _chunk = null;
    }

    public void Close() => writer.Enqueue(this, null);

    private static int WriteHead(Span<byte> head, ReadOnlySpan<byte> stream, bool isWhole, DateTime time)
    {
        Utf8Formatter.TryFormat(time, head, out var length, 'O');
        // The clock counts in 100 ns, the format wants nanoseconds: "...1234567Z" becomes "...123456700Z".
        "00Z "u8.CopyTo(head[(length - 1)..]);
        length += 3;
        stream.CopyTo(head[length..]);
        length += stream.Length;
        (isWhole ? " F "u8 : " P "u8).CopyTo(head[length..]);
        return length + 3;
    }
}
