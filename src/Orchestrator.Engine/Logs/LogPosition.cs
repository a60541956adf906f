namespace Orchestrator.Engine.Logs;

/// <summary>Where a reader is: in the oldest of the files that it opened, or in one that came by rotation since.</summary>
internal sealed class LogPosition(string path, Queue<LogFile> files) : IDisposable
{
    private LogFile? _file;

    public bool TryRead(LogLines lines, out LogEntry entry)
    {
        while (true)
        {
            // Asked before reading: what was written until the rotation is then surely seen.
            var rotation = _file?.Rotation(path);
            while (_file is not null && _file.TryReadLine(out var line))
                if (lines.Add(line, out entry))
                    return true;
            if (!Advance(rotation))
            {
                entry = default;
                return false;
            }
        }
    }

    public void Dispose()
    {
        _file?.Dispose();
        foreach (var file in files)
            file.Dispose();
    }

    private bool Advance(int? rotation)
    {
        if (_file is not null && files.Count == 0 && rotation == 0)
            return false;
        var next = files.Count > 0 ? files.Dequeue() : OpenAfter(rotation);
        if (next is null)
            return false;
        _file?.Dispose();
        _file = next;
        return true;
    }

    private LogFile? OpenAfter(int? rotation)
    {
        if (_file is null)
            return LogFile.Open(path);
        if (rotation is not { } known)
            return Oldest();
        // The next younger one that is there: a rotation may leave a gap until the writer writes again.
        LogFile? next = null;
        for (var younger = known - 1; next is null && younger >= 0; younger--)
            next = LogFile.Open(LogFile.NameOf(path, younger));
        if (next is null || _file.Rotation(path) == known)
            return next;
        // Rotated again between the look and the open: this may not be the neighbour.
        next.Dispose();
        return null;
    }

    private LogFile? Oldest()
    {
        var rotation = 0;
        while (File.Exists(LogFile.NameOf(path, rotation + 1)))
            rotation++;
        return LogFile.Open(LogFile.NameOf(path, rotation));
    }
}
