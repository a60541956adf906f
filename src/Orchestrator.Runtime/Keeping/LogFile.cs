using Microsoft.Win32.SafeHandles;
using Orchestrator.Linux;

namespace Orchestrator.Runtime.Keeping;

/// <summary>A container's log on disk: FILE, and rotated by size FILE.1, FILE.2, ... Only the log writer's thread may touch it.</summary>
/// <param name="maxFiles">All files together.</param>
public sealed class LogFile(string path, long maxBytes, int maxFiles) : IDisposable
{
    /// <summary>0640.</summary>
    internal const uint Mode = 0x1A0;
    private SafeFileHandle? _file;
    private long _size;

    public string Path => path;

    public long BytesMax => maxBytes;

    public int FilesMax => maxFiles;

    /// <summary>Writes whole records, and rotates between them. A full disk costs lines, never the container.</summary>
    public void Write(ReadOnlySpan<byte> records)
    {
        try
        {
            while (records.Length > 0)
            {
                _file ??= Open();
                var fitting = Fitting(records);
                if (fitting == 0)
                {
                    Rotate();
                    continue;
                }
                FileDescriptors.Write(_file.Number(), records[..fitting]);
                _size += fitting;
                records = records[fitting..];
            }
        }
        catch (LinuxException)
        {
            // What the disk does not take is lost; the next records try again.
        }
    }

    public void Dispose() => _file?.Dispose();

    /// <summary>How many bytes of whole records the present file still takes: at least one record when it is empty.</summary>
    private int Fitting(ReadOnlySpan<byte> records)
    {
        if (_size + records.Length <= maxBytes)
            return records.Length;
        var room = (int)Math.Clamp(maxBytes - _size, 0, records.Length);
        var fitting = records[..room].LastIndexOf((byte)'\n') + 1;
        return fitting > 0 || _size > 0 ? fitting : records.IndexOf((byte)'\n') + 1;
    }

    private SafeFileHandle Open()
    {
        var file = FileSystem.Open(path, OpenFlags.WriteOnly | OpenFlags.Create | OpenFlags.Append, Mode);
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
