using DotNext.IO;
using DotNext.Net.Cluster.Consensus.Raft.StateMachine;
using Orchestrator.Model;

namespace Orchestrator.Control.Store;

/// <summary>The snapshots on disk. A file with a snapshot's name is whole: written aside, flushed, renamed, and the directory flushed.</summary>
internal sealed class SnapshotDirectory : IDisposable
{
    private readonly SemaphoreSlim _one = new(1);
    private readonly string _directory;
    private readonly DirectoryBarrier _barrier;
    private volatile SnapshotFile? _newest;

    /// <param name="directory">Made when missing.</param>
    public SnapshotDirectory(string directory)
    {
        _directory = directory;
        Directory.CreateDirectory(directory);
        foreach (var leftover in Directory.GetFiles(directory, "*.tmp"))
            File.Delete(leftover);
        _barrier = new(directory);
        _newest = All().MaxBy(s => s.Index);
    }

    public SnapshotFile? Newest => _newest;

    /// <exception cref="InvalidDataException">The file is damaged; the log before it is gone, so nothing else can stand in.</exception>
    public static (ClusterState State, long Index, long Term) Read(SnapshotFile snapshot)
    {
        try
        {
            using var file = new FileStream(snapshot.Path, FileMode.Open, FileAccess.Read, FileShare.Read | FileShare.Delete, 64 << 10);
            return SnapshotFormat.Read(file);
        }
        catch (InvalidDataException e)
        {
            throw new InvalidDataException($"{snapshot.Path}: {e.Message}", e);
        }
    }

    public async Task WriteAsync(ClusterState state, long index, long term, CancellationToken token)
    {
        if (_newest is null || _newest.Index < index)
            await AddAsync(index, term, WriteState, token).ConfigureAwait(false);

        ValueTask WriteState(FileStream file)
        {
            SnapshotFormat.Write(file, state, index, term);
            return ValueTask.CompletedTask;
        }
    }

    /// <summary>Takes over a snapshot that the leader sent.</summary>
    public async ValueTask<ClusterState> InstallAsync(LogEntry entry, CancellationToken token)
    {
        ClusterState? received = null;
        await AddAsync(entry.Index, entry.Term, ReceiveAsync, token).ConfigureAwait(false);
        return received!;

        async ValueTask ReceiveAsync(FileStream file)
        {
            await entry.WriteToAsync(IAsyncBinaryWriter.Create(file, new byte[64 << 10]), token).ConfigureAwait(false);
            file.Position = 0;
            received = SnapshotFormat.Read(file).State;
        }
    }

    /// <summary>For one that arrives from another server; whatever is left there after a crash is deleted.</summary>
    public string NewIncomingPath() => Path.Combine(_directory, $"incoming-{Guid.NewGuid():N}.tmp");

    public void DeleteBefore(long index)
    {
        foreach (var old in All().Where(s => s.Index < index))
            File.Delete(old.Path);
    }

    public void Dispose()
    {
        _barrier.Dispose();
        _one.Dispose();
    }

    private async Task AddAsync(long index, long term, Func<FileStream, ValueTask> write, CancellationToken token)
    {
        await _one.WaitAsync(token).ConfigureAwait(false);
        try
        {
            var path = Path.Combine(_directory, SnapshotFile.NameOf(index, term));
            await WriteAsideAsync(path + ".tmp", write).ConfigureAwait(false);
            File.Move(path + ".tmp", path, overwrite: true);
            await _barrier.FlushAsync(CancellationToken.None).ConfigureAwait(false);
            if (_newest is null || _newest.Index < index)
                _newest = new(path, index, term);
        }
        finally
        {
            _one.Release();
        }
    }

    private static async Task WriteAsideAsync(string path, Func<FileStream, ValueTask> write)
    {
        var file = new FileStream(path, FileMode.Create, FileAccess.ReadWrite, FileShare.None, 64 << 10);
        await using (file.ConfigureAwait(false))
        {
            await write(file).ConfigureAwait(false);
            file.Flush(flushToDisk: true);
        }
    }

    private IEnumerable<SnapshotFile> All() =>
        Directory.GetFiles(_directory, "*.snapshot").Select(p => SnapshotFile.FromPath(p)).OfType<SnapshotFile>();
}
