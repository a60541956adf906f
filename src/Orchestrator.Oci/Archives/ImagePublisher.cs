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
        Check(layerTars, options);
        var layers = new List<(Descriptor Layer, Digest DiffId)>();
        foreach (var tar in layerTars)
            layers.Add(await PushLayerAsync(tar, target, options.Compression, progress, cancellation));
        var (config, manifest) = Describe(layers, options);
        await registry.PushBlobAsync(target, manifest.Config, () => new MemoryStream(config, writable: false), null, cancellation);
        return await registry.PushManifestAsync(target, MediaTypes.OciManifest, JsonSerializer.SerializeToUtf8Bytes(manifest, OciJson.Default.Manifest), cancellation);
    }

    /// <summary>As <see cref="ImportAsync"/>, but writes an OCI archive to a file; the digest is the same.</summary>
    public static async Task<Digest> ImportToArchiveAsync(
        IReadOnlyList<string> layerTars, string archive, ImageReference? name, ImportOptions options, IProgress<PushProgress>? progress, CancellationToken cancellation)
    {
        Check(layerTars, options);
        await using var file = File.Create(archive);
        await using var writer = new OciArchiveWriter(file);
        var layers = new List<(Descriptor Layer, Digest DiffId)>();
        foreach (var tar in layerTars)
            layers.Add(await AddLayerAsync(writer, tar, $"{archive}.layer", options.Compression, progress, cancellation));
        var (config, manifest) = Describe(layers, options);
        await writer.AddBlobAsync(manifest.Config, new MemoryStream(config, writable: false), cancellation);
        var content = JsonSerializer.SerializeToUtf8Bytes(manifest, OciJson.Default.Manifest);
        var image = new FetchedManifest(Digest.Of(content), MediaTypes.OciManifest, content);
        await writer.AddImageAsync(image, name, cancellation);
        return image.Digest;
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

    private static void Check(IReadOnlyList<string> layerTars, ImportOptions options)
    {
        options.ToConfig([]);
        foreach (var path in layerTars)
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
    }

    private static (byte[] Config, Manifest Manifest) Describe(List<(Descriptor Layer, Digest DiffId)> layers, ImportOptions options)
    {
        var config = JsonSerializer.SerializeToUtf8Bytes(options.ToConfig([.. layers.Select(l => l.DiffId)]), OciJson.Default.ImageConfig);
        return (config, new Manifest
        {
            MediaType = MediaTypes.OciManifest,
            Config = new Descriptor { MediaType = MediaTypes.OciConfig, Digest = Digest.Of(config), Size = config.Length },
            Layers = [.. layers.Select(l => l.Layer)],
        });
    }

    private async Task<(Descriptor Layer, Digest DiffId)> PushLayerAsync(
        string tar, ImageReference target, LayerCompression compression, IProgress<PushProgress>? progress, CancellationToken cancellation)
    {
        Digest? diffId = null;
        var (digest, size) = await registry.PushStreamAsync(
            target, async (to, c) => diffId = await WriteLayerAsync(tar, to, compression, Report(progress, tar, new FileInfo(tar).Length), c), cancellation);
        return (LayerDescriptor(compression, digest, size), diffId!.Value);
    }

    private static async Task<(Descriptor Layer, Digest DiffId)> AddLayerAsync(
        OciArchiveWriter writer, string tar, string temporary, LayerCompression compression, IProgress<PushProgress>? progress, CancellationToken cancellation)
    {
        await using var file = new FileStream(temporary, FileMode.Create, FileAccess.ReadWrite, FileShare.None, 1 << 16, FileOptions.DeleteOnClose);
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        var diffId = await WriteLayerAsync(tar, new HashingStream(file, hash), compression, Report(progress, tar, new FileInfo(tar).Length), cancellation);
        var layer = LayerDescriptor(compression, Digest.FromHash(hash.GetHashAndReset()), file.Length);
        file.Position = 0;
        await writer.AddBlobAsync(layer, file, cancellation);
        return (layer, diffId);
    }

    private static Descriptor LayerDescriptor(LayerCompression compression, Digest digest, long size) => new()
    {
        MediaType = compression switch { LayerCompression.Gzip => MediaTypes.OciLayerGzip, LayerCompression.Zstd => MediaTypes.OciLayerZstd, _ => MediaTypes.OciLayer },
        Digest = digest,
        Size = size,
    };

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
