using System.Net;
using System.Net.Http.Headers;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Orchestrator.Oci.Registry;

namespace Orchestrator.Oci;

/// <param name="Digest">Of what the reference names: an index or a manifest. Pulling it gives each platform its own image.</param>
/// <param name="ManifestDigest">Of the chosen platform's manifest; the same as <paramref name="Digest"/> when there is no index.</param>
/// <param name="Platforms">The platforms that <paramref name="Digest"/> has content for.</param>
public sealed record ResolvedImage(Digest Digest, Digest ManifestDigest, Manifest Manifest, ImageConfig Config, IReadOnlyList<Platform> Platforms)
{
    /// <summary>The documents of the image, top first: the index if there is one, the manifest, the config.</summary>
    public required IReadOnlyList<FetchedManifest> Documents { get; init; }
}

/// <summary>A document as the registry has it, verified against its digest.</summary>
public sealed record FetchedManifest(Digest Digest, string MediaType, byte[] Content);

/// <summary>Speaks the OCI distribution API. Every byte received is checked against its digest. Safe for concurrent use.</summary>
public sealed partial class RegistryClient(RegistryOptions options) : IDisposable
{
    // The sizes that registries accept at most, with room.
    private const int ManifestSizeMax = 8 << 20, ConfigSizeMax = 16 << 20;

    private readonly RegistryConnection _connection = new(options);

    /// <summary>Finds what a reference names now, with the config of the image for the platform (null: this machine's).</summary>
    /// <exception cref="RegistryException"/>
    public async Task<ResolvedImage> ResolveAsync(ImageReference image, Platform? platform, CancellationToken cancellation)
    {
        var top = await GetManifestAsync(image, cancellation);
        var documents = new List<FetchedManifest> { top };
        IReadOnlyList<Platform> platforms = [];
        if (MediaTypes.IsIndex(top.MediaType))
        {
            var index = Parse(image, top, OciJson.Default.ImageIndex);
            platforms = index.Platforms;
            var entry = index.Choose(platform ?? Platform.Current)
                ?? throw new RegistryException(RegistryFailure.Unsupported, image, null, $"nothing for platform {platform ?? Platform.Current}; there is {string.Join(", ", platforms)}");
            documents.Add(await GetManifestAsync(image.WithDigest(entry.Digest), cancellation));
        }
        var manifest = Parse(image, documents[^1], OciJson.Default.Manifest);
        if (manifest.Config.Size is < 0 or > ConfigSizeMax)
            throw new RegistryException(RegistryFailure.Unsupported, image, manifest.Config.Digest, $"a config of {manifest.Config.Size} bytes; at most {ConfigSizeMax} are accepted");
        using var content = new MemoryStream();
        await DownloadBlobAsync(image, manifest.Config, content, null, cancellation);
        documents.Add(new FetchedManifest(manifest.Config.Digest, manifest.Config.MediaType, content.ToArray()));
        var config = Parse(image, documents[^1], OciJson.Default.ImageConfig);
        if (config.DiffIds.Count != manifest.Layers.Count)
            throw new RegistryException(RegistryFailure.BadAnswer, image, null, $"the config lists {config.DiffIds.Count} layers, the manifest {manifest.Layers.Count}");
        return new ResolvedImage(top.Digest, documents[^2].Digest, manifest, config, documents.Count == 3 ? platforms : [config.Platform]) { Documents = documents };
    }

    /// <summary>The manifest or index that a reference names.</summary>
    /// <exception cref="RegistryException"/>
    public Task<FetchedManifest> GetManifestAsync(ImageReference image, CancellationToken cancellation)
    {
        var purpose = new RegistryPurpose(image, RegistryAccess.Pull);
        return _connection.RetryAsync(c => FetchManifestAsync(purpose, c), cancellation);
    }

    /// <summary>Writes a blob to a seekable stream, resuming and retrying; fails unless size and digest are right.</summary>
    /// <param name="progress">Bytes of this blob received so far.</param>
    /// <exception cref="RegistryException"/>
    public async Task DownloadBlobAsync(ImageReference image, Descriptor blob, Stream destination, IProgress<long>? progress, CancellationToken cancellation)
    {
        var purpose = new RegistryPurpose(image, RegistryAccess.Pull, blob.Digest);
        using var download = new BlobDownload(_connection, purpose, blob, destination, progress);
        await _connection.RetryAsync(download.ContinueAsync, cancellation);
        download.Verify();
    }

    /// <exception cref="RegistryException"/>
    public Task<bool> HasBlobAsync(ImageReference image, Digest blob, CancellationToken cancellation) =>
        _connection.RetryAsync(c => BlobExistsAsync(new RegistryPurpose(image, RegistryAccess.Pull, blob), c), cancellation);

    public void Dispose() => _connection.Dispose();

    private async Task<FetchedManifest> FetchManifestAsync(RegistryPurpose purpose, CancellationToken cancellation)
    {
        var image = purpose.Image;
        using var response = await _connection.SendAsync(purpose, () => ManifestRequest(image), cancellation);
        if (!response.IsSuccessStatusCode)
            throw await RegistryConnection.RefusalAsync(purpose, response, cancellation);
        if (response.Content.Headers.ContentLength > ManifestSizeMax)
            throw purpose.Fail(RegistryFailure.Unsupported, $"a manifest of {response.Content.Headers.ContentLength} bytes; at most {ManifestSizeMax} are accepted");
        var content = await _connection.GuardAsync(purpose, c => ReadWholeAsync(purpose, response, c), cancellation);
        var expected = image.Digest ?? (response.Headers.TryGetValues("Docker-Content-Digest", out var named) && Digest.TryParse(named.First(), out var d) ? d : Digest.Of(content));
        var actual = expected.Again(content);
        if (actual != expected)
            throw purpose.Fail(RegistryFailure.DigestMismatch, $"the manifest's content has digest {actual} instead of {expected}");
        return new FetchedManifest(actual, MediaTypeOf(purpose, response.Content.Headers.ContentType?.MediaType, content), content);
    }

    private HttpRequestMessage ManifestRequest(ImageReference image)
    {
        var request = new HttpRequestMessage(HttpMethod.Get, _connection.Address(image, $"manifests/{image.Identifier}"));
        foreach (var type in new[] { MediaTypes.OciIndex, MediaTypes.OciManifest, MediaTypes.DockerIndex, MediaTypes.DockerManifest })
            request.Headers.Accept.Add(new MediaTypeWithQualityHeaderValue(type));
        return request;
    }

    private static async Task<byte[]> ReadWholeAsync(RegistryPurpose purpose, HttpResponseMessage response, CancellationToken cancellation)
    {
        await using var body = await response.Content.ReadAsStreamAsync(cancellation);
        using var content = new MemoryStream();
        var buffer = new byte[16384];
        for (int read; (read = await body.ReadAsync(buffer, cancellation)) > 0;)
        {
            content.Write(buffer, 0, read);
            if (content.Length > ManifestSizeMax)
                throw purpose.Fail(RegistryFailure.Unsupported, $"a manifest of more than {ManifestSizeMax} bytes");
        }
        return content.ToArray();
    }

    /// <summary>The document's own word first: static registries serve every file as the same type.</summary>
    private static string MediaTypeOf(RegistryPurpose purpose, string? header, byte[] content)
    {
        try
        {
            using var document = JsonDocument.Parse(content);
            var root = document.RootElement;
            var type = root.TryGetProperty("mediaType", out var own) && own.ValueKind == JsonValueKind.String ? own.GetString() : header;
            if (MediaTypes.IsIndex(type) || MediaTypes.IsManifest(type))
                return type!;
            if (root.TryGetProperty("manifests", out _))
                return MediaTypes.OciIndex;
            return root.TryGetProperty("layers", out _)
                ? MediaTypes.OciManifest
                : throw purpose.Fail(RegistryFailure.Unsupported, $"its manifest is of type {type ?? "(none)"}; expected an OCI or Docker v2 manifest or index");
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            throw purpose.Fail(RegistryFailure.BadAnswer, "the registry answered with something other than a manifest", null, e);
        }
    }

    private static T Parse<T>(ImageReference image, FetchedManifest document, JsonTypeInfo<T> type)
    {
        try
        {
            return JsonSerializer.Deserialize(document.Content, type) ?? throw new JsonException("the document is null");
        }
        catch (JsonException e)
        {
            throw new RegistryException(RegistryFailure.BadAnswer, image, document.Digest, $"malformed: {e.Message}", null, e);
        }
    }

    private async Task<bool> BlobExistsAsync(RegistryPurpose purpose, CancellationToken cancellation)
    {
        using var response = await _connection.SendAsync(
            purpose, () => new(HttpMethod.Head, _connection.Address(purpose.Image, $"blobs/{purpose.Blob}")), cancellation);
        return response.IsSuccessStatusCode
            || (response.StatusCode == HttpStatusCode.NotFound ? false : throw await RegistryConnection.RefusalAsync(purpose, response, cancellation));
    }
}
