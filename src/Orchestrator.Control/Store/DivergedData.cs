namespace Orchestrator.Control.Store;

/// <summary>
/// Setting aside the data of a server whose state differs from the others'. The mark outlives a crash: while it is there, the data must not be
/// used, because a voter that forgets what it acknowledged can cost the cluster a committed change. So: leave, set aside, join, unmark.
/// </summary>
internal sealed class DivergedData(string directory)
{
    private static readonly string[] s_parts = ["wal", "snapshots", "members"];
    private readonly string _mark = Path.Combine(directory, "rejoining");

    public bool IsMarked => File.Exists(_mark);

    public void Mark()
    {
        using var file = new FileStream(_mark, FileMode.OpenOrCreate, FileAccess.Write);
        file.Flush(flushToDisk: true);
    }

    public void Unmark() => File.Delete(_mark);

    /// <summary>Returns where the data is now; the store's directory is as new.</summary>
    public string SetAside(DateTimeOffset now)
    {
        var aside = Path.Combine(directory, $"diverged-{now.ToUnixTimeMilliseconds()}");
        Directory.CreateDirectory(aside);
        foreach (var part in s_parts.Where(p => Path.Exists(Path.Combine(directory, p))))
            Directory.Move(Path.Combine(directory, part), Path.Combine(aside, part));
        return aside;
    }
}
