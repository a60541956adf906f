namespace Orchestrator.Oci.Archives;

public enum LayerCompression
{
    Gzip,

    /// <summary>Faster and smaller; not understood by Docker before 23.</summary>
    Zstd,
    None,
}

/// <summary>How containers of an imported image run; null leaves it unsaid.</summary>
public sealed record ImportOptions
{
    public IReadOnlyList<string>? Entrypoint { get; init; }

    public IReadOnlyList<string>? Cmd { get; init; }

    /// <summary>"NAME=value".</summary>
    public IReadOnlyList<string> Env { get; init; } = [];

    public string? User { get; init; }

    public string? WorkingDir { get; init; }

    public string? StopSignal { get; init; }

    /// <summary>"80", "80/tcp", "53/udp".</summary>
    public IReadOnlyList<string> ExposedPorts { get; init; } = [];

    /// <summary>Absolute paths in the container.</summary>
    public IReadOnlyList<string> Volumes { get; init; } = [];

    public IReadOnlyDictionary<string, string> Labels { get; init; } = new Dictionary<string, string>();

    public Platform Platform { get; init; } = Platform.Current;

    public LayerCompression Compression { get; init; } = LayerCompression.Gzip;
}

/// <param name="What">What is being sent: a layer's file or a blob's digest.</param>
/// <param name="Bytes">Read so far, of <paramref name="Total"/>.</param>
public sealed record PushProgress(string What, long Bytes, long Total);

/// <summary>Puts images into a registry: root filesystem tars (as docker import does) and image archives (docker save, OCI layout).</summary>
public sealed class ImagePublisher(RegistryClient registry)
{
    /// <summary>Makes an image of layer tars (plain, gzip or zstd; lowest first) and streams it to the registry. The same input gives the same digest.</summary>
    /// <returns>The digest of the manifest.</returns>
    /// <exception cref="RegistryException"/>
    /// <exception cref="InvalidDataException">A tar or an option is malformed.</exception>
    public Task<Digest> ImportAsync(
        IReadOnlyList<string> layerTars, ImageReference target, ImportOptions options, IProgress<PushProgress>? progress, CancellationToken cancellation) => throw Later();

    /// <summary>Pushes the one image (all platforms of it) in an archive.</summary>
    /// <returns>The digest of what was pushed: a manifest or an index.</returns>
    /// <exception cref="RegistryException"/>
    /// <exception cref="InvalidDataException">The archive is malformed, or holds several images.</exception>
    public Task<Digest> PushArchiveAsync(string archive, ImageReference target, IProgress<PushProgress>? progress, CancellationToken cancellation) => throw Later();

    private InvalidOperationException Later() => new($"being built {registry}");
}
