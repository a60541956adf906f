namespace Orchestrator.Oci;

/// <param name="Digest">Of what the reference names: an index or a manifest. Pulling it gives each platform its own image.</param>
/// <param name="ManifestDigest">Of the chosen platform's manifest; the same as <paramref name="Digest"/> when there is no index.</param>
public sealed record ResolvedImage(Digest Digest, Digest ManifestDigest, Manifest Manifest, ImageConfig Config);

/// <summary>A manifest or index as the registry has it, verified against its digest.</summary>
public sealed record FetchedManifest(Digest Digest, string MediaType, byte[] Content);

/// <summary>Speaks the OCI distribution API. Every byte received is checked against its digest. Safe for concurrent use.</summary>
public sealed class RegistryClient(RegistryOptions options) : IDisposable
{
    private readonly RegistryOptions _options = options;

    /// <summary>Finds what a reference names now, with the config of the image for the platform (null: this machine's).</summary>
    /// <exception cref="RegistryException"/>
    public Task<ResolvedImage> ResolveAsync(ImageReference image, Platform? platform, CancellationToken cancellation) => throw Later();

    /// <exception cref="RegistryException"/>
    public Task<FetchedManifest> GetManifestAsync(ImageReference image, CancellationToken cancellation) => throw Later();

    /// <summary>Writes a blob to a seekable stream, resuming and retrying; fails unless size and digest are right.</summary>
    /// <param name="progress">Bytes of this blob received so far.</param>
    /// <exception cref="RegistryException"/>
    public Task DownloadBlobAsync(ImageReference image, Descriptor blob, Stream destination, IProgress<long>? progress, CancellationToken cancellation) => throw Later();

    /// <exception cref="RegistryException"/>
    public Task<bool> HasBlobAsync(ImageReference image, Digest blob, CancellationToken cancellation) => throw Later();

    /// <summary>Uploads a blob unless the repository has it.</summary>
    /// <param name="open">Opens the content from its start; called again for a retry.</param>
    /// <exception cref="RegistryException"/>
    public Task PushBlobAsync(ImageReference image, Descriptor blob, Func<Stream> open, CancellationToken cancellation) => throw Later();

    /// <summary>Stores a manifest or index under the reference's tag, or under its digest when it has no tag.</summary>
    /// <exception cref="RegistryException"/>
    public Task PushManifestAsync(ImageReference image, string mediaType, ReadOnlyMemory<byte> content, CancellationToken cancellation) => throw Later();

    public void Dispose()
    {
    }

    private InvalidOperationException Later() => new($"being built, {_options.AttemptsMax}");
}
