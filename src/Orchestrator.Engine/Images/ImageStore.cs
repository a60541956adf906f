using System.Text.Json;
using Orchestrator.Linux;
using Orchestrator.Oci;
using Orchestrator.Oci.Archives;

namespace Orchestrator.Engine.Images;

/// <summary>
/// The images of one machine: verified blobs, and each layer unpacked once for use as an overlayfs lower directory. One
/// process at a time may have a store open. Safe for concurrent use.
/// </summary>
public sealed class ImageStore : IDisposable
{
    private readonly RegistryClient _registry;
    private readonly StoreDirectories _directories;
    private readonly LayerStore _layers;
    private readonly Lock _lock = new();
    private readonly Dictionary<Digest, (ImageRecord Record, StoredImage Image)> _images = [];
    private readonly Dictionary<string, int> _pins = [];

    /// <summary>Opens or makes the store; what a crash left half-made is deleted.</summary>
    /// <exception cref="IOException">Another process has it open.</exception>
    public ImageStore(string root, RegistryClient registry, ImageStoreOptions? options = null)
    {
        _registry = registry;
        _directories = new StoreDirectories(root);
        _layers = new LayerStore(_directories, options ?? new ImageStoreOptions());
        foreach (var path in _directories.Records)
            Remember(path);
        _layers.SyncSoon();
    }

    public IReadOnlyList<StoredImage> Images
    {
        get
        {
            lock (_lock)
                return [.. _images.Values.Select(i => i.Image)];
        }
    }

    /// <summary>Brings an image here, unless it is. Pulls that run at once share their downloads and unpacking.</summary>
    /// <param name="digest">What the reference was resolved to; null resolves it now.</param>
    /// <exception cref="RegistryException"/>
    /// <exception cref="InvalidDataException">A layer is malformed; the message names it.</exception>
    public async Task<StoredImage> PullAsync(ImageReference reference, Digest? digest, IProgress<PullProgress>? progress, CancellationToken cancellation)
    {
        var asked = digest is null ? reference : reference.WithDigest(digest.Value);
        if (asked.Digest is { } known && Find(known) is { } present)
            return AddReference(present, reference.ToString());
        var resolved = await _registry.ResolveAsync(asked, Platform.Current, cancellation);
        return Find(resolved.Digest) is { } found
            ? AddReference(found, reference.ToString())
            : await StoreAsync(resolved, [reference.ToString()], asked.ToString(), FromRegistry, progress, cancellation);

        Task FromRegistry(Descriptor blob, Stream destination, IProgress<long> bytes, CancellationToken c) =>
            _registry.DownloadBlobAsync(asked, blob, destination, bytes, c);
    }

    /// <summary>Takes the images of a docker-save or OCI archive, plain or compressed.</summary>
    /// <exception cref="InvalidDataException">The archive or a layer is malformed; the message names it.</exception>
    public async Task<IReadOnlyList<StoredImage>> LoadAsync(string archive, IProgress<PullProgress>? progress, CancellationToken cancellation)
    {
        using var opened = await ImageArchive.OpenAsync(archive, cancellation);
        var images = new List<StoredImage>();
        foreach (var archived in opened.Images)
            images.Add(await StoreAsync(opened.Resolve(archived, Platform.Current), archived.References, archive, opened.CopyBlobAsync, progress, cancellation));
        return images;
    }

    /// <summary>As <see cref="LoadAsync(string, IProgress{PullProgress}?, CancellationToken)"/>, from a stream.</summary>
    public async Task<IReadOnlyList<StoredImage>> LoadAsync(Stream archive, IProgress<PullProgress>? progress, CancellationToken cancellation)
    {
        var temporary = _directories.NewTemporary();
        try
        {
            await using (var file = File.Create(temporary))
                await archive.CopyToAsync(file, cancellation);
            return await LoadAsync(temporary, progress, cancellation);
        }
        finally
        {
            File.Delete(temporary);
        }
    }

    /// <summary>Finds an image by the digest of its index or manifest.</summary>
    public StoredImage? Find(Digest digest)
    {
        lock (_lock)
            return _images.TryGetValue(digest, out var own) ? own.Image : _images.Values.FirstOrDefault(i => i.Image.ManifestDigest == digest).Image;
    }

    /// <summary>The image that a name stands for here: the one pulled, loaded or tagged by it last.</summary>
    public StoredImage? Find(ImageReference reference)
    {
        if (reference.Digest is { } digest)
            return Find(digest);
        var name = reference.ToString();
        lock (_lock)
            return _images.Values.FirstOrDefault(i => i.Record.References.Contains(name)).Image;
    }

    /// <summary>Gives an image a further name, which no other image has any more.</summary>
    public StoredImage Tag(StoredImage image, ImageReference reference) => AddReference(image, reference.ToString());

    /// <summary>Takes a name away; the image stays.</summary>
    public void Untag(StoredImage image, string reference)
    {
        lock (_lock)
            if (_images.TryGetValue(image.Digest, out var known))
                Rewrite(known.Record with { References = [.. known.Record.References.Where(r => r != reference)] }, known.Image.Config);
    }

    /// <summary>Bytes of its layers as they are stored compressed, and as far as they still are.</summary>
    public long SizeBytes(StoredImage image)
    {
        ImageRecord? record;
        lock (_lock)
            record = _images.TryGetValue(image.Digest, out var known) ? known.Record : null;
        return record is null ? 0 : record.Layers.Distinct().Select(_directories.Blob).Where(File.Exists).Sum(p => new FileInfo(p).Length);
    }

    /// <summary>Forgets an image and deletes what no other one needs. The caller knows that no container uses it.</summary>
    /// <returns>False when it was not here.</returns>
    public bool Remove(Digest digest) => RemoveWhere(i => i.Digest == digest).Count > 0;

    /// <summary>Removes all images but those named, by the digests of their indexes or manifests.</summary>
    /// <returns>The images removed.</returns>
    public IReadOnlyList<StoredImage> Prune(IReadOnlySet<Digest> keep) => RemoveWhere(i => !keep.Contains(i.Digest) && !keep.Contains(i.ManifestDigest));

    public void Dispose()
    {
        _layers.Dispose();
        _directories.Dispose();
    }

    private async Task<StoredImage> StoreAsync(
        ResolvedImage image, IReadOnlyList<string> references, string name, BlobSource source, IProgress<PullProgress>? progress, CancellationToken cancellation)
    {
        var record = new ImageRecord(
            image.Digest, image.ManifestDigest, image.Manifest.Config.Digest, [.. image.Documents.Select(d => d.Digest)],
            [.. image.Manifest.Layers.Select(l => l.Digest)], image.Config.DiffIds, references);
        string[] needed = [.. Paths(record)];
        Pin(needed, 1);
        try
        {
            var layers = image.Manifest.Layers.Zip(record.DiffIds).DistinctBy(l => l.Second);
            await Task.WhenAll(layers.Select(l => _layers.EnsureAsync(name, l.First, l.Second, source, progress, cancellation)));
            foreach (var document in image.Documents)
                WriteFile(_directories.Blob(document.Digest), document.Content);
            return Keep(record, image.Config);
        }
        finally
        {
            Pin(needed, -1);
        }
    }

    private StoredImage AddReference(StoredImage image, string reference)
    {
        lock (_lock)
        {
            if (image.References.Contains(reference) || !_images.TryGetValue(image.Digest, out var known))
                return image;
            return Keep(known.Record with { References = [.. known.Record.References, reference] }, image.Config);
        }
    }

    private StoredImage Keep(ImageRecord record, ImageConfig config)
    {
        lock (_lock)
        {
            if (_images.TryGetValue(record.Digest, out var known))
                record = record with { References = [.. known.Record.References.Union(record.References)] };
            // A tag that was pulled anew is the new image's.
            foreach (var (other, image) in _images.Values.Where(i => i.Record.Digest != record.Digest && i.Record.References.Intersect(record.References).Any()).ToList())
                Rewrite(other with { References = [.. other.References.Except(record.References)] }, image.Config);
            return Rewrite(record, config);
        }
    }

    private StoredImage Rewrite(ImageRecord record, ImageConfig config)
    {
        WriteFile(_directories.Record(record.Digest), JsonSerializer.SerializeToUtf8Bytes(record, ImageRecordJson.Default.ImageRecord));
        var image = new StoredImage(record.Digest, record.ManifestDigest, config, LowerDirectories(record), record.References);
        _images[record.Digest] = (record, image);
        return image;
    }

    /// <summary>Top first. A layer that occurs twice is needed at its highest place only, and overlayfs refuses it twice.</summary>
    private IReadOnlyList<string> LowerDirectories(ImageRecord record) => [.. record.DiffIds.Reverse().Distinct().Select(_directories.Layer)];

    /// <summary>A record whose files are gone or damaged is dropped: the next pull makes the image whole again.</summary>
    private void Remember(string path)
    {
        var record = ReadRecord(path);
        var content = record is not null && Paths(record).Where(p => !IsLayerBlob(record, p)).All(Path.Exists) ? File.ReadAllBytes(_directories.Blob(record.ConfigDigest)) : [];
        if (record is null || record.ConfigDigest.Again(content) != record.ConfigDigest || JsonSerializer.Deserialize(content, OciJson.Default.ImageConfig) is not { } config)
        {
            File.Delete(path);
            return;
        }
        var image = new StoredImage(record.Digest, record.ManifestDigest, config, LowerDirectories(record), record.References);
        _images[record.Digest] = (record, image);
    }

    private static ImageRecord? ReadRecord(string path)
    {
        try
        {
            return JsonSerializer.Deserialize(File.ReadAllBytes(path), ImageRecordJson.Default.ImageRecord);
        }
        catch (JsonException)
        {
            return null;
        }
    }

    private bool IsLayerBlob(ImageRecord record, string path) => record.Layers.Any(l => _directories.Blob(l) == path);

    private IEnumerable<string> Paths(ImageRecord record) =>
        record.Documents.Concat(record.Layers).Select(_directories.Blob).Concat(record.DiffIds.Select(_directories.Layer));

    private List<StoredImage> RemoveWhere(Func<StoredImage, bool> which)
    {
        List<StoredImage> removed;
        IReadOnlyList<string> retired;
        lock (_lock)
        {
            removed = [.. _images.Values.Select(i => i.Image).Where(which)];
            foreach (var image in removed)
            {
                File.Delete(_directories.Record(image.Digest));
                _images.Remove(image.Digest);
            }
            var needed = _images.Values.SelectMany(i => Paths(i.Record)).Concat(_pins.Keys).ToHashSet();
            retired = _directories.Retire(_directories.BlobsAndLayers.Where(p => !needed.Contains(p)).ToList());
        }
        foreach (var path in retired)
            StoreDirectories.Delete(path);
        return removed;
    }

    /// <summary>What a pull needs is not removed under it, though no record names it yet.</summary>
    private void Pin(IEnumerable<string> paths, int by)
    {
        lock (_lock)
        {
            foreach (var path in paths)
            {
                _pins[path] = _pins.GetValueOrDefault(path) + by;
                if (_pins[path] == 0)
                    _pins.Remove(path);
            }
        }
    }

    private void WriteFile(string path, byte[] content)
    {
        var temporary = _directories.NewTemporary();
        using (var file = new FileStream(temporary, FileMode.CreateNew))
        {
            file.Write(content);
            file.Flush(flushToDisk: true);
        }
        FileSystem.Rename(temporary, path);
    }
}
