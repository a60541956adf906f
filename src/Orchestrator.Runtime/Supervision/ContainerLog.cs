using System.Globalization;
using System.Text;
using Microsoft.Win32.SafeHandles;
using Orchestrator.Linux;

namespace Orchestrator.Runtime.Supervision;

/// <summary>The log file, in the format of Kubernetes' CRI: time, stream, F or P (the line goes on), text. Rotated by size.</summary>
/// <param name="maxFiles">All files together: FILE, FILE.1, FILE.2, ...</param>
public sealed class ContainerLog(string path, long maxBytes, int maxFiles) : IDisposable
{
    private SafeFileHandle? _file;
    private long _size;

    /// <summary>Appends one record. A full disk costs lines, never the container.</summary>
    public void Append(string stream, ReadOnlySpan<byte> text, bool isWhole, DateTime time)
    {
        var head = $"{time.ToString("yyyy-MM-ddTHH:mm:ss.fffffff", CultureInfo.InvariantCulture)}00Z {stream} {(isWhole ? 'F' : 'P')} ";
        var record = new byte[head.Length + text.Length + 1];
        Encoding.ASCII.GetBytes(head, record);
        text.CopyTo(record.AsSpan(head.Length));
        record[^1] = (byte)'\n';
        try
        {
            Append(record);
        }
        catch (LinuxException)
        {
        }
    }

    public void Dispose() => _file?.Dispose();

    private void Append(byte[] record)
    {
        if (_file is not null && _size > 0 && _size + record.Length > maxBytes)
            Rotate();
        _file ??= Open();
        FileDescriptors.Write(_file.Number(), record);
        _size += record.Length;
    }

    private SafeFileHandle Open()
    {
        var file = FileSystem.Open(path, OpenFlags.WriteOnly | OpenFlags.Create | OpenFlags.Append, 0x1A0);
        _size = (long)FileSystem.Status(file).Size;
        return file;
    }

    private void Rotate()
    {
        _file?.Dispose();
        _file = null;
        if (maxFiles <= 1)
            FileSystem.Remove(path);
        for (var i = maxFiles - 1; i > 0; i--)
        {
            var from = i == 1 ? path : $"{path}.{i - 1}";
            if (FileSystem.Status(from) is not null)
                FileSystem.Rename(from, $"{path}.{i}");
        }
    }
}

/// <summary>One stream of the container, cut into lines.</summary>
public sealed class StreamLines(string name, ContainerLog log)
{
    private const int PartMax = 16 * 1024;
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
        return true;
    }

    /// <summary>The last line may lack its end.</summary>
    public void Finish()
    {
        if (_length > 0)
            log.Append(name, _pending.AsSpan(0, _length), true, DateTime.UtcNow);
        _length = 0;
    }

    private void Cut(DateTime now)
    {
        var rest = _pending.AsSpan(0, _length);
        for (var end = rest.IndexOf((byte)'\n'); end >= 0; end = rest.IndexOf((byte)'\n'))
        {
            log.Append(name, rest[..end], true, now);
            rest = rest[(end + 1)..];
        }
        if (rest.Length == PartMax)
        {
            log.Append(name, rest, false, now);
            rest = [];
        }
        rest.CopyTo(_pending);
        _length = rest.Length;
    }
}
