using System.Text.Json.Serialization;
using Orchestrator.Oci;

namespace Orchestrator.Engine.Images;

/// <summary>What the store remembers of an image; written last, so that its being there means that the image is whole.</summary>
/// <param name="Documents">Index, manifest and config, by digest.</param>
/// <param name="Layers">Blobs, lowest first.</param>
internal sealed record ImageRecord(
    Digest Digest,
    Digest ManifestDigest,
    Digest ConfigDigest,
    IReadOnlyList<Digest> Documents,
    IReadOnlyList<Digest> Layers,
    IReadOnlyList<Digest> DiffIds,
    IReadOnlyList<string> References);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(ImageRecord))]
internal sealed partial class ImageRecordJson : JsonSerializerContext;
