using System.Globalization;
using Orchestrator.Linux;

namespace Orchestrator.Engine.Logs;

/// <summary>One file of a rotated log, read line by line; it stays readable when it is renamed or removed meanwhile.</summary>
internal sealed class LogFile : IDisposable
{
    private readonly FileStream _file;
    private byte[] _buffer = new byte[16 * 1024];
    private int _start;
    private int _end;

    private LogFile(FileStream file) => _file = file;

    /// <summary>Null when there is no such file.</summary>
    public static LogFile? Open(string path)
    {
        try
        {
            return new LogFile(new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete, bufferSize: 0));
        }
        catch (FileNotFoundException)
        {
            return null;
        }
    }

    public static string NameOf(string path, int rotation) => rotation == 0 ? path : $"{path}.{rotation.ToString(CultureInfo.InvariantCulture)}";

    public ulong Inode => FileSystem.Status(_file.SafeFileHandle).Inode;

    /// <summary>How often the file was rotated until now: 0 is the one being written; null: removed.</summary>
    public int? Rotation(string path)
    {
        var name = Path.GetFileName(new FileInfo($"/proc/self/fd/{_file.SafeFileHandle.DangerousGetHandle()}").LinkTarget ?? "");
        var current = Path.GetFileName(path);
        if (name == current)
            return 0;
        return name.StartsWith(current + ".", StringComparison.Ordinal)
            && int.TryParse(name[(current.Length + 1)..], NumberStyles.None, CultureInfo.InvariantCulture, out var rotation) ? rotation : null;
    }

    /// <summary>The next line without its end; false when there is none yet. Valid until the next call.</summary>
    public bool TryReadLine(out ReadOnlySpan<byte> line)
    {
        var searched = 0;
        while (true)
        {
            var length = _buffer.AsSpan(_start + searched, _end - _start - searched).IndexOf((byte)'\n');
            if (length >= 0)
            {
                line = _buffer.AsSpan(_start, searched + length);
                _start += searched + length + 1;
                return true;
            }
            searched = _end - _start;
            if (!Fill())
            {
                line = default;
                return false;
            }
        }
    }

    /// <summary>Counts the whole lines from here and goes back.</summary>
    public int CountLines()
    {
        var count = 0;
        while (TryReadLine(out var line))
            if (CriLine.TryParse(line, out var parsed) && !parsed.Partial)
                count++;
        _file.Position = 0;
        _start = _end = 0;
        return count;
    }

    public void Dispose() => _file.Dispose();

    private bool Fill()
    {
        if (_start > 0)
        {
            _buffer.AsSpan(_start, _end - _start).CopyTo(_buffer);
            (_start, _end) = (0, _end - _start);
        }
        if (_end == _buffer.Length)
            Array.Resize(ref _buffer, _buffer.Length * 2);
        var read = _file.Read(_buffer, _end, _buffer.Length - _end);
        _end += read;
        return read > 0;
    }
}
