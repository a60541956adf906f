using System.Security.Cryptography;
using Orchestrator.Oci;
using Orchestrator.Oci.Archives;

namespace Orchestrator.Engine.Images;

/// <summary>Writes a blob's verified bytes into a file; throws when there is none or it is corrupt.</summary>
internal delegate Task BlobSource(Descriptor blob, Stream destination, IProgress<long> progress, CancellationToken cancellation);

/// <summary>Gets layers: each is downloaded once and unpacked once, however many images ask for it at a time.</summary>
internal sealed class LayerStore(StoreDirectories directories, ImageStoreOptions options) : IDisposable
{
    private readonly SharedWork<Digest, PullProgress> _shared = new();
    private readonly SemaphoreSlim _downloads = new(options.ParallelDownloadsMax);
    private readonly Lock _lock = new();
    private Task _syncing = Task.CompletedTask;
    private readonly SemaphoreSlim _unpacks = new(Environment.ProcessorCount);

    /// <param name="image">Named when the layer is malformed.</param>
    public Task EnsureAsync(string image, Descriptor blob, Digest diffId, BlobSource source, IProgress<PullProgress>? progress, CancellationToken cancellation)
    {
        if (!Directory.Exists(directories.Layer(diffId)))
            return _shared.RunAsync(diffId, progress, (all, c) => MakeAsync(image, blob, diffId, source, all, c), cancellation);
        progress?.Report(new PullProgress(blob.Digest, PullStage.Done, blob.Size, blob.Size));
        return Task.CompletedTask;
    }

    /// <summary>Puts a blob into the store unless a good copy is there.</summary>
    public async Task EnsureBlobAsync(Descriptor blob, BlobSource source, IProgress<PullProgress> progress, CancellationToken cancellation)
    {
        if (await IsIntactAsync(blob, cancellation))
            return;
        await _downloads.WaitAsync(cancellation);
        var temporary = directories.NewTemporary();
        try
        {
            await using (var file = new FileStream(temporary, FileMode.CreateNew, FileAccess.ReadWrite, FileShare.None, 0, FileOptions.Asynchronous))
                await source(blob, file, new Stage(progress, blob, PullStage.Downloading), cancellation);
            File.Move(temporary, directories.Blob(blob.Digest), overwrite: true);
        }
        finally
        {
            _downloads.Release();
            File.Delete(temporary);
        }
    }

    /// <summary>A pull need not wait for the disk: until it has the layers, a power failure only costs unpacking them again.</summary>
    public void SyncSoon()
    {
        lock (_lock)
            _syncing = _syncing.ContinueWith(_ => directories.SyncLayers(), TaskScheduler.Default);
    }

    public void Dispose()
    {
        _downloads.Dispose();
        _unpacks.Dispose();
    }

    private async Task MakeAsync(string image, Descriptor blob, Digest diffId, BlobSource source, IProgress<PullProgress> progress, CancellationToken cancellation)
    {
        if (!Directory.Exists(directories.Layer(diffId)))
        {
            await EnsureBlobAsync(blob, source, progress, cancellation);
            await _unpacks.WaitAsync(cancellation);
            try
            {
                Unpack(image, blob, diffId, new Stage(progress, blob, PullStage.Unpacking), cancellation);
            }
            finally
            {
                _unpacks.Release();
            }
            SyncSoon();
        }
        progress.Report(new PullProgress(blob.Digest, PullStage.Done, blob.Size, blob.Size));
    }

    private void Unpack(string image, Descriptor blob, Digest diffId, Stage progress, CancellationToken cancellation)
    {
        var path = directories.Blob(blob.Digest);
        var temporary = directories.NewTemporary();
        Directory.CreateDirectory(temporary);
        try
        {
            var actual = UnpackTo(temporary, path, diffId, progress, cancellation);
            if (actual != diffId)
                throw new InvalidDataException($"its content has diff id {actual}, the image's config says {diffId}");
            directories.CommitLayer(temporary, diffId);
        }
        catch (InvalidDataException e)
        {
            StoreDirectories.Delete(temporary);
            File.Delete(path);
            throw new InvalidDataException($"layer {blob.Digest} of image {image}: {e.Message}", e);
        }
        catch
        {
            StoreDirectories.Delete(temporary);
            throw;
        }
    }

    private static Digest UnpackTo(string directory, string path, Digest diffId, Stage progress, CancellationToken cancellation)
    {
        using var hash = diffId.NewHash();
        using var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read, 1 << 17, FileOptions.SequentialScan);
        using var plain = Compression.Decompress(new HashingStream(file, null, progress.Report));
        var tar = new TarReader(new HashingStream(plain, hash));
        LayerUnpacker.Unpack(tar, directory, cancellation);
        tar.DrainStream();
        return Digest.FromHash(hash.GetHashAndReset());
    }

    private async Task<bool> IsIntactAsync(Descriptor blob, CancellationToken cancellation)
    {
        var file = new FileInfo(directories.Blob(blob.Digest));
        if (!file.Exists || file.Length != blob.Size)
            return false;
        await using var content = file.OpenRead();
        var hash = blob.Digest.Algorithm == "sha512" ? await SHA512.HashDataAsync(content, cancellation) : await SHA256.HashDataAsync(content, cancellation);
        return Digest.FromHash(hash) == blob.Digest;
    }

    private sealed class Stage(IProgress<PullProgress> to, Descriptor blob, PullStage stage) : IProgress<long>
    {
        public void Report(long value) => to.Report(new PullProgress(blob.Digest, stage, value, blob.Size));
    }
}
