using Orchestrator.Engine.Images;
using Orchestrator.Oci;

namespace Orchestrator.Agent.Local;

/// <summary>What a user may write for an image that is here: a reference, a digest, or the beginning of one.</summary>
internal static class ImageNames
{
    private const int ShortestDigest = 4;

    /// <summary>Null when there is none, or the beginning is that of several.</summary>
    public static StoredImage? Find(ImageStore images, string name)
    {
        if (Digest.TryParse(name, out var digest))
            return images.Find(digest);
        if (ImageReference.TryParse(name, out var reference, out _) && images.Find(reference) is { } named)
            return named;
        var hex = name.StartsWith("sha256:", StringComparison.Ordinal) ? name[7..] : name;
        if (hex.Length < ShortestDigest || !hex.All(char.IsAsciiHexDigitLower))
            return null;
        var begun = images.Images.Where(i => i.Digest.Hex.StartsWith(hex, StringComparison.Ordinal) || i.ManifestDigest.Hex.StartsWith(hex, StringComparison.Ordinal)).ToList();
        return begun.Count == 1 ? begun[0] : null;
    }
}
