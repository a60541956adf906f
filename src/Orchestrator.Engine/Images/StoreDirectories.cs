using System.Text;
using Orchestrator.Linux;
using Orchestrator.Oci;

namespace Orchestrator.Engine.Images;

/// <summary>
/// The store's files: blobs/ALGORITHM/HEX, layers/HEX, images/HEX.json, and tmp/ for all that is not finished. Things become
/// visible by one rename, and go by one rename into tmp/.
/// </summary>
internal sealed class StoreDirectories : IDisposable
{
    private readonly string _root;
    private readonly FileStream _lock;
    private long _temporaries;
    private volatile bool _closed;

    /// <exception cref="IOException">Another process uses the store.</exception>
    public StoreDirectories(string root)
    {
        _root = Path.GetFullPath(root);
        Directory.CreateDirectory(_root);
        // Layers hold set-uid programs of other systems: not for this machine's users.
        File.SetUnixFileMode(_root, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        foreach (var name in new[] { "blobs/sha256", "blobs/sha512", "layers", "images", "unsynced", "tmp" })
            Directory.CreateDirectory(Path.Combine(_root, name));
        try
        {
            _lock = new FileStream(Path.Combine(_root, "lock"), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
        }
        catch (IOException e)
        {
            throw new IOException($"the image store {_root} is in use by another process", e);
        }
        DropUnsyncedLayers();
        EmptyTemporaries();
    }

    public IEnumerable<string> Records => Directory.EnumerateFiles(Path.Combine(_root, "images"), "*.json");

    public string Record(Digest image) => Path.Combine(_root, "images", image.Hex + ".json");

    public string Blob(Digest blob) => Path.Combine(_root, "blobs", blob.Algorithm, blob.Hex);

    public string Layer(Digest diffId) => Path.Combine(_root, "layers", diffId.Hex);

    public string NewTemporary() => Path.Combine(_root, "tmp", $"{Interlocked.Increment(ref _temporaries)}");

    public IEnumerable<string> BlobsAndLayers =>
        Directory.EnumerateFiles(Path.Combine(_root, "blobs"), "*", SearchOption.AllDirectories)
            .Concat(Directory.EnumerateDirectories(Path.Combine(_root, "layers")));

    /// <summary>Makes an unpacked layer visible. It counts as unsynced until the disk has it: see <see cref="SyncLayers"/>.</summary>
    public void CommitLayer(string temporary, Digest diffId)
    {
        File.WriteAllText(Unsynced(diffId.Hex), BootId());
        try
        {
            FileSystem.Rename(temporary, Layer(diffId));
        }
        catch (LinuxException e) when (e.Errno is Errno.ENOTEMPTY or 17)
        {
            // The same layer by another way; one is as good as the other.
            Delete(temporary);
        }
    }

    /// <summary>Waits until the disk has all layers committed before, so that they outlive a power failure.</summary>
    public void SyncLayers()
    {
        var markers = Directory.GetFiles(Path.Combine(_root, "unsynced"));
        if (markers.Length == 0)
            return;
        using (var root = ByteDirectory.Open(_root))
            root.SyncFileSystem();
        // Once closed the store may be another process's; its markers are then for that one to clear.
        if (_closed)
            return;
        foreach (var marker in markers)
            File.Delete(marker);
    }

    /// <summary>Takes things out of sight at once; the returned paths are to be given to <see cref="Delete"/>.</summary>
    public IReadOnlyList<string> Retire(IEnumerable<string> paths)
    {
        var retired = new List<string>();
        foreach (var path in paths)
        {
            retired.Add(NewTemporary());
            FileSystem.Rename(path, retired[^1]);
        }
        return retired;
    }

    public static void Delete(string path)
    {
        using var parent = ByteDirectory.Open(Path.GetDirectoryName(path)!);
        parent.Remove(Encoding.UTF8.GetBytes(Path.GetFileName(path)));
    }

    public void Dispose()
    {
        _closed = true;
        _lock.Dispose();
    }

    private string Unsynced(string hex) => Path.Combine(_root, "unsynced", hex);

    /// <summary>A layer whose data the disk may not have got before the machine went down is unpacked again.</summary>
    private void DropUnsyncedLayers()
    {
        foreach (var marker in Directory.GetFiles(Path.Combine(_root, "unsynced")))
        {
            if (File.ReadAllText(marker) == BootId())
                continue;
            Delete(Path.Combine(_root, "layers", Path.GetFileName(marker)));
            File.Delete(marker);
        }
    }

    private void EmptyTemporaries()
    {
        foreach (var leftover in Directory.GetFileSystemEntries(Path.Combine(_root, "tmp")))
            Delete(leftover);
    }

    private static string BootId() => File.ReadAllText("/proc/sys/kernel/random/boot_id");
}
