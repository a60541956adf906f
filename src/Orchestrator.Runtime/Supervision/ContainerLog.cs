using System.Buffers.Text;
using Microsoft.Win32.SafeHandles;
using Orchestrator.Linux;

namespace Orchestrator.Runtime.Supervision;

/// <summary>The log file, in the format of Kubernetes' CRI: time, stream, F or P (the line goes on), text. Rotated by size.</summary>
/// <remarks>Appending allocates nothing: a supervisor lives as long as its container and should stay as small as it began.</remarks>
/// <param name="maxFiles">All files together: FILE, FILE.1, FILE.2, ...</param>
public sealed class ContainerLog(string path, long maxBytes, int maxFiles) : IDisposable
{
    /// <summary>0640.</summary>
    internal const uint Mode = 0x1A0;
    private const int HeadMax = 64;
    private readonly byte[] _batch = new byte[StreamLines.PartMax + 8 * 1024];
    private int _batched;
    private SafeFileHandle? _file;
    private long _size;

    /// <summary>Takes one record; <see cref="Flush"/> writes it.</summary>
    public void Append(ReadOnlySpan<byte> stream, ReadOnlySpan<byte> text, bool isWhole, DateTime time)
    {
        var length = HeadMax + text.Length;
        if (_batched + length > _batch.Length)
            Flush();
        if (_size + _batched > 0 && _size + _batched + length > maxBytes)
            Rotate();
        var record = _batch.AsSpan(_batched);
        var written = WriteHead(record, stream, isWhole, time);
        text.CopyTo(record[written..]);
        record[written + text.Length] = (byte)'\n';
        _batched += written + text.Length + 1;
    }

    /// <summary>A full disk costs lines, never the container.</summary>
    public void Flush()
    {
        if (_batched == 0)
            return;
        try
        {
            _file ??= Open();
            FileDescriptors.Write(_file.Number(), _batch.AsSpan(0, _batched));
            _size += _batched;
        }
        catch (LinuxException)
        {
        }
        _batched = 0;
    }

    public void Dispose() => _file?.Dispose();

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

    private SafeFileHandle Open()
    {
        var file = FileSystem.Open(path, OpenFlags.WriteOnly | OpenFlags.Create | OpenFlags.Append, Mode);
        _size = (long)FileSystem.Status(file).Size;
        return file;
    }

    private void Rotate()
    {
        Flush();
        _file?.Dispose();
        _file = null;
        _size = 0;
        try
        {
            if (maxFiles <= 1)
                FileSystem.Remove(path);
            for (var i = maxFiles - 1; i > 0; i--)
            {
                var from = i == 1 ? path : $"{path}.{i - 1}";
                if (FileSystem.Status(from) is not null)
                    FileSystem.Rename(from, $"{path}.{i}");
            }
        }
        catch (LinuxException)
        {
        }
    }
}

/// <summary>One stream of the container, cut into lines.</summary>
public sealed class StreamLines(string name, ContainerLog log)
{
    internal const int PartMax = 16 * 1024;
    private readonly byte[] _name = System.Text.Encoding.ASCII.GetBytes(name);
    private readonly byte[] _pending = new byte[PartMax];
    private int _length;

    /// <summary>Reads what there is. False at the stream's end.</summary>
    public bool ReadFrom(int fd)
    {
        var count = FileDescriptors.Read(fd, _pending.AsSpan(_length));
        if (count <= 0)
            return count < 0;
        _length += count;
        Cut(DateTime.UtcNow);
        log.Flush();
        return true;
    }

    /// <summary>The last line may lack its end.</summary>
    public void Finish()
    {
        if (_length > 0)
            log.Append(_name, _pending.AsSpan(0, _length), true, DateTime.UtcNow);
        _length = 0;
        log.Flush();
    }

    private void Cut(DateTime now)
    {
        var rest = _pending.AsSpan(0, _length);
        for (var end = rest.IndexOf((byte)'\n'); end >= 0; end = rest.IndexOf((byte)'\n'))
        {
            log.Append(_name, rest[..end], true, now);
            rest = rest[(end + 1)..];
        }
        if (rest.Length == PartMax)
        {
            log.Append(_name, rest, false, now);
            rest = [];
        }
        rest.CopyTo(_pending);
        _length = rest.Length;
    }
}
