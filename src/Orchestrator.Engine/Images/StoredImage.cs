using Orchestrator.Oci;

namespace Orchestrator.Engine.Images;

/// <param name="Digest">What was asked for: an index's or a manifest's.</param>
/// <param name="ManifestDigest">Of this machine's platform.</param>
/// <param name="LayerDirectories">Absolute, top first: overlayfs's order for lowerdir.</param>
/// <param name="References">The names it was pulled or loaded by.</param>
public sealed record StoredImage(
    Digest Digest, Digest ManifestDigest, ImageConfig Config, IReadOnlyList<string> LayerDirectories, IReadOnlyList<string> References);

public enum PullStage
{
    Downloading,
    Unpacking,

    /// <summary>The layer is here, now or since before.</summary>
    Done,
}

/// <param name="Layer">The layer's blob.</param>
/// <param name="Bytes">Of the compressed layer, downloaded or unpacked so far, of <paramref name="Total"/>.</param>
public sealed record PullProgress(Digest Layer, PullStage Stage, long Bytes, long Total);
