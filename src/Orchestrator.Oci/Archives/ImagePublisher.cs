using System.Security.Cryptography;
using System.Text.Json;

namespace Orchestrator.Oci.Archives;

/// <param name="What">What is being sent: a layer's file or a blob's digest.</param>
/// <param name="Bytes">Read so far, of <paramref name="Total"/>.</param>
public sealed record PushProgress(string What, long Bytes, long Total);

/// <summary>Puts images into a registry: root filesystem tars (as docker import does) and image archives (docker save, OCI layout).</summary>
public sealed class ImagePublisher(RegistryClient registry)
{
    /// <summary>Makes an image of layer tars (plain, gzip or zstd; lowest first) and streams it to the registry. The same input gives the same digest.</summary>
    /// <returns>The digest of the manifest.</returns>
    /// <exception cref="RegistryException"/>
    /// <exception cref="InvalidDataException">A tar is malformed.</exception>
    /// <exception cref="FormatException">An option is malformed.</exception>
    public async Task<Digest> ImportAsync(
        IReadOnlyList<string> layerTars, ImageReference target, ImportOptions options, IProgress<PushProgress>? progress, CancellationToken cancellation)
    {
        options.ToConfig([]);
        var layers = new List<(Descriptor Layer, Digest DiffId)>();
        foreach (var tar in layerTars)
            RequireTar(tar);
        foreach (var tar in layerTars)
            layers.Add(await PushLayerAsync(tar, target, options.Compression, progress, cancellation));
        var config = JsonSerializer.SerializeToUtf8Bytes(options.ToConfig([.. layers.Select(l => l.DiffId)]), OciJson.Default.ImageConfig);
        var manifest = new Manifest
        {
            MediaType = MediaTypes.OciManifest,
            Config = new Descriptor { MediaType = MediaTypes.OciConfig, Digest = Digest.Of(config), Size = config.Length },
            Layers = [.. layers.Select(l => l.Layer)],
        };
        await registry.PushBlobAsync(target, manifest.Config, () => new MemoryStream(config, writable: false), null, cancellation);
        return await registry.PushManifestAsync(target, MediaTypes.OciManifest, JsonSerializer.SerializeToUtf8Bytes(manifest, OciJson.Default.Manifest), cancellation);
    }

    /// <summary>Pushes the one image (all platforms of it) in an archive.</summary>
    /// <returns>The digest of what was pushed: a manifest or an index.</returns>
    /// <exception cref="RegistryException"/>
    /// <exception cref="InvalidDataException">The archive is malformed, or holds several images.</exception>
    public async Task<Digest> PushArchiveAsync(string archive, ImageReference target, IProgress<PushProgress>? progress, CancellationToken cancellation)
    {
        using var opened = await ImageArchive.OpenAsync(archive, cancellation);
        if (opened.Images is not [var image])
            throw new InvalidDataException($"archive {archive} holds {opened.Images.Count} images; expected one");
        foreach (var (digest, mediaType, manifest) in opened.Manifests(image))
        {
            foreach (var blob in manifest.Layers.Prepend(manifest.Config).DistinctBy(b => b.Digest))
                await registry.PushBlobAsync(target, blob, () => opened.OpenBlob(blob.Digest), Report(progress, blob.Digest.ToString(), blob.Size), cancellation);
            if (digest != image.Digest)
                await registry.PushManifestAsync(target.WithoutTag(), mediaType, opened.Document(digest), cancellation);
        }
        return await registry.PushManifestAsync(target, image.MediaType, opened.Document(image.Digest), cancellation);
    }

    private static void RequireTar(string path)
    {
        using var plain = Compression.Decompress(File.OpenRead(path));
        try
        {
            new TarReader(plain).Next();
        }
        catch (InvalidDataException e)
        {
            throw new InvalidDataException($"{path} is not a tar: {e.Message}", e);
        }
    }

    private async Task<(Descriptor Layer, Digest DiffId)> PushLayerAsync(
        string tar, ImageReference target, LayerCompression compression, IProgress<PushProgress>? progress, CancellationToken cancellation)
    {
        Digest? diffId = null;
        var (digest, size) = await registry.PushStreamAsync(
            target, async (to, c) => diffId = await WriteLayerAsync(tar, to, compression, Report(progress, tar, new FileInfo(tar).Length), c), cancellation);
        var mediaType = compression switch { LayerCompression.Gzip => MediaTypes.OciLayerGzip, LayerCompression.Zstd => MediaTypes.OciLayerZstd, _ => MediaTypes.OciLayer };
        return (new Descriptor { MediaType = mediaType, Digest = digest, Size = size }, diffId!.Value);
    }

    private static async Task<Digest> WriteLayerAsync(string tar, Stream to, LayerCompression compression, IProgress<long>? progress, CancellationToken cancellation)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        await using var file = new FileStream(tar, FileMode.Open, FileAccess.Read, FileShare.Read, 0, FileOptions.Asynchronous | FileOptions.SequentialScan);
        await using var plain = Compression.Decompress(new HashingStream(file, null, progress is null ? null : progress.Report));
        await using (var compressed = Compression.Compress(to, compression))
            await new HashingStream(plain, hash).CopyToAsync(compressed, 1 << 17, cancellation);
        return Digest.FromHash(hash.GetHashAndReset());
    }

    private static Progress? Report(IProgress<PushProgress>? progress, string what, long total) => progress is null ? null : new Progress(progress, what, total);

    private sealed class Progress(IProgress<PushProgress> to, string what, long total) : IProgress<long>
    {
        public void Report(long value) => to.Report(new PushProgress(what, value, total));
    }
}
