using Orchestrator.Oci;

namespace Orchestrator.Engine.Images;

/// <summary>The images of one machine: verified blobs, and each layer unpacked once for use as an overlayfs lower directory.</summary>
public sealed class ImageStore(string root, RegistryClient registry) : IDisposable
{
    public IReadOnlyList<StoredImage> Images => [.. _images.Values];

    private readonly Dictionary<Digest, StoredImage> _images = [];

    /// <summary>Brings an image here, unless it is. Pulls that run at once share their downloads and unpacking.</summary>
    /// <param name="digest">What the reference was resolved to; null resolves it now.</param>
    /// <exception cref="RegistryException"/>
    /// <exception cref="InvalidDataException">A layer is malformed; the message names it.</exception>
    public Task<StoredImage> PullAsync(ImageReference reference, Digest? digest, IProgress<PullProgress>? progress, CancellationToken cancellation) => throw Later();

    /// <summary>Takes the images of a docker-save or OCI archive, plain or gzip'd.</summary>
    /// <exception cref="InvalidDataException">The archive or a layer is malformed; the message names it.</exception>
    public Task<IReadOnlyList<StoredImage>> LoadAsync(string archive, IProgress<PullProgress>? progress, CancellationToken cancellation) => throw Later();

    /// <summary>Finds an image by the digest of its index or manifest.</summary>
    public StoredImage? Find(Digest digest) => _images.GetValueOrDefault(digest);

    /// <summary>Forgets an image and deletes what no other one needs. The caller knows that no container uses it.</summary>
    /// <returns>False when it was not here.</returns>
    public bool Remove(Digest digest) => throw Later();

    /// <summary>Removes all images but those named.</summary>
    /// <returns>The images removed.</returns>
    public IReadOnlyList<StoredImage> Prune(IReadOnlySet<Digest> keep) => throw Later();

    public void Dispose()
    {
    }

    private InvalidOperationException Later() => new($"being built {root} {registry}");
}
