using System.Security.Cryptography;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;

namespace Orchestrator.Oci.Archives;

/// <param name="Digest">Of a manifest or an index.</param>
/// <param name="References">The names that the archive gives it.</param>
public sealed record ArchivedImage(Digest Digest, string MediaType, IReadOnlyList<string> References);

/// <summary>
/// An image archive: OCI layout or docker save, plain or compressed. Docker's older form has no manifests; they are made here,
/// as Docker does when it pushes, so that both forms look alike.
/// </summary>
public sealed class ImageArchive : IDisposable
{
    private const int DocumentSizeMax = 16 << 20;

    private readonly string _path;
    private readonly ArchiveMembers _members;
    private readonly Dictionary<Digest, byte[]> _made = [];
    private readonly Dictionary<Digest, string> _blobNames = [];

    private ImageArchive(string path, ArchiveMembers members) => (_path, _members) = (path, members);

    public IReadOnlyList<ArchivedImage> Images { get; private set; } = [];

    /// <exception cref="InvalidDataException">It is no image archive, or it is malformed.</exception>
    public static async Task<ImageArchive> OpenAsync(string path, CancellationToken cancellation)
    {
        ImageArchive? archive = null;
        try
        {
            archive = new ImageArchive(path, await OpenPlainAsync(path, cancellation));
            archive.Images = archive._members.Contains("index.json") ? archive.ReadLayout()
                : archive._members.Contains("manifest.json") ? archive.ReadDockerSave(cancellation)
                : throw new InvalidDataException("it has neither index.json nor manifest.json; expected an OCI layout or what docker save writes");
            return archive;
        }
        catch (InvalidDataException e)
        {
            archive?.Dispose();
            throw new InvalidDataException($"archive {path}: {e.Message}", e);
        }
    }

    /// <summary>The documents of an image for a platform.</summary>
    /// <exception cref="InvalidDataException">A document is missing, corrupt, or there is none for the platform.</exception>
    public ResolvedImage Resolve(ArchivedImage image, Platform platform)
    {
        var documents = new List<FetchedManifest> { new(image.Digest, image.MediaType, Document(image.Digest)) };
        IReadOnlyList<Platform>? platforms = null;
        if (MediaTypes.IsIndex(image.MediaType))
        {
            var index = Parse(documents[0].Content, image.Digest.ToString(), OciJson.Default.ImageIndex);
            platforms = index.Platforms;
            var entry = index.Choose(platform) ?? throw Malformed($"nothing for platform {platform}; there is {string.Join(", ", platforms)}");
            documents.Add(new FetchedManifest(entry.Digest, entry.MediaType, Document(entry.Digest)));
        }
        var manifest = Parse(documents[^1].Content, documents[^1].Digest.ToString(), OciJson.Default.Manifest);
        documents.Add(new FetchedManifest(manifest.Config.Digest, manifest.Config.MediaType, Document(manifest.Config.Digest)));
        var config = Parse(documents[^1].Content, manifest.Config.Digest.ToString(), OciJson.Default.ImageConfig);
        if (config.DiffIds.Count != manifest.Layers.Count)
            throw Malformed($"the config lists {config.DiffIds.Count} layers, the manifest {manifest.Layers.Count}");
        return new ResolvedImage(image.Digest, documents[^2].Digest, manifest, config, platforms ?? [config.Platform]) { Documents = documents };
    }

    /// <summary>The manifests that an image consists of: its own, or those of its index that the archive holds.</summary>
    public IReadOnlyList<(Digest Digest, string MediaType, Manifest Manifest)> Manifests(ArchivedImage image)
    {
        if (!MediaTypes.IsIndex(image.MediaType))
            return [(image.Digest, image.MediaType, Parse(Document(image.Digest), image.Digest.ToString(), OciJson.Default.Manifest))];
        var index = Parse(Document(image.Digest), image.Digest.ToString(), OciJson.Default.ImageIndex);
        return [.. index.Manifests.Select(m => (m.Digest, m.MediaType, Parse(Document(m.Digest), m.Digest.ToString(), OciJson.Default.Manifest)))];
    }

    /// <summary>A manifest, index or config, verified.</summary>
    public byte[] Document(Digest digest)
    {
        if (_made.TryGetValue(digest, out var made))
            return made;
        var content = _members.ReadAll(BlobName(digest), DocumentSizeMax);
        return digest.Again(content) == digest ? content : throw Malformed($"blob {digest} is corrupt");
    }

    /// <summary>A blob as it stands in the archive, unverified.</summary>
    public Stream OpenBlob(Digest digest) => _made.TryGetValue(digest, out var made) ? new MemoryStream(made, writable: false) : _members.Open(BlobName(digest));

    /// <summary>Copies a blob, verified.</summary>
    /// <exception cref="InvalidDataException">It is missing or corrupt.</exception>
    public async Task CopyBlobAsync(Descriptor blob, Stream destination, IProgress<long>? progress, CancellationToken cancellation)
    {
        using var hash = blob.Digest.NewHash();
        await using var content = OpenBlob(blob.Digest);
        await new HashingStream(content, hash, progress is null ? null : progress.Report).CopyToAsync(destination, 1 << 17, cancellation);
        var actual = Digest.FromHash(hash.GetHashAndReset());
        if (actual != blob.Digest)
            throw Malformed($"blob {blob.Digest} is corrupt: its content has digest {actual}");
    }

    public void Dispose() => _members.Dispose();

    /// <summary>A compressed archive is decompressed into an unlinked temporary file first: its members are not read in order.</summary>
    private static async Task<ArchiveMembers> OpenPlainAsync(string path, CancellationToken cancellation)
    {
        await using var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read);
        await using var plain = Compression.Decompress(file);
        if (plain == file)
            return new ArchiveMembers(path);
        var temporary = Path.GetTempFileName();
        try
        {
            await using (var copy = File.Create(temporary))
                await plain.CopyToAsync(copy, cancellation);
            return new ArchiveMembers(temporary);
        }
        finally
        {
            File.Delete(temporary);
        }
    }

    private List<ArchivedImage> ReadLayout()
    {
        var index = Parse(_members.ReadAll("index.json", DocumentSizeMax), "index.json", OciJson.Default.ImageIndex);
        return [.. index.Manifests
            .Where(m => MediaTypes.IsIndex(m.MediaType) || MediaTypes.IsManifest(m.MediaType))
            .GroupBy(m => (m.Digest, m.MediaType))
            .Select(g => new ArchivedImage(g.Key.Digest, g.Key.MediaType, [.. g.Select(Name).OfType<string>().Distinct()]))];
    }

    /// <summary>containerd's annotation holds the whole reference; OCI's may be the tag alone.</summary>
    private static string? Name(Descriptor manifest)
    {
        var annotations = manifest.Annotations ?? new Dictionary<string, string>();
        var name = annotations.GetValueOrDefault("io.containerd.image.name") ?? annotations.GetValueOrDefault("org.opencontainers.image.ref.name");
        return name is not null && name.AsSpan().ContainsAny('/', ':') && ImageReference.TryParse(name, out var reference, out _) ? reference.ToString() : null;
    }

    private List<ArchivedImage> ReadDockerSave(CancellationToken cancellation)
    {
        var entries = Parse(_members.ReadAll("manifest.json", DocumentSizeMax), "manifest.json", ArchiveJson.Default.DockerSaveEntryArray);
        return [.. entries.Select(e => ReadDockerSaveEntry(e, cancellation))];
    }

    private ArchivedImage ReadDockerSaveEntry(DockerSaveEntry entry, CancellationToken cancellation)
    {
        var manifest = new Manifest
        {
            MediaType = MediaTypes.OciManifest,
            Config = Adopt(entry.Config, MediaTypes.OciConfig, cancellation),
            Layers = [.. entry.Layers.Select(l => Adopt(l, MediaTypes.OciLayer, cancellation))],
        };
        var content = JsonSerializer.SerializeToUtf8Bytes(manifest, OciJson.Default.Manifest);
        var digest = Digest.Of(content);
        _made[digest] = content;
        return new ArchivedImage(digest, MediaTypes.OciManifest, [.. (entry.RepoTags ?? []).Select(t => ImageReference.Parse(t).ToString())]);
    }

    private Descriptor Adopt(string member, string mediaType, CancellationToken cancellation)
    {
        if (!_members.Contains(member))
            throw new InvalidDataException($"{member}, which manifest.json names, is missing");
        cancellation.ThrowIfCancellationRequested();
        using var content = _members.Open(member);
        var digest = Digest.FromHash(SHA256.HashData(content));
        _blobNames[digest] = member;
        return new Descriptor { MediaType = mediaType, Digest = digest, Size = _members.Length(member) };
    }

    private string BlobName(Digest digest)
    {
        var name = _blobNames.GetValueOrDefault(digest) ?? $"blobs/{digest.Algorithm}/{digest.Hex}";
        return _members.Contains(name) ? name : throw Malformed($"blob {digest} is missing");
    }

    private T Parse<T>(byte[] content, string name, JsonTypeInfo<T> type)
    {
        try
        {
            return JsonSerializer.Deserialize(content, type) ?? throw new JsonException("it is null");
        }
        catch (JsonException e)
        {
            throw Malformed($"{name} is malformed: {e.Message}");
        }
    }

    private InvalidDataException Malformed(string what) => new($"archive {_path}: {what}");
}
