using System.Text.Json.Serialization;

namespace Orchestrator.Oci;

/// <summary>Names a piece of content: its type, digest and size in bytes.</summary>
public sealed record Descriptor
{
    public string MediaType { get; init; } = "";

    public required Digest Digest { get; init; }

    public required long Size { get; init; }

    public PlatformDescription? Platform { get; init; }

    public IReadOnlyDictionary<string, string>? Annotations { get; init; }
}

/// <summary>The platform object of an index's entry.</summary>
public sealed record PlatformDescription
{
    public string Os { get; init; } = "";

    public string Architecture { get; init; } = "";

    public string? Variant { get; init; }

    [JsonIgnore]
    public Platform Platform => new(Os, Architecture, Variant);
}

/// <summary>The manifest of one image for one platform: its config and its layers, lowest first.</summary>
public sealed record Manifest
{
    public int SchemaVersion { get; init; } = 2;

    public string? MediaType { get; init; }

    public required Descriptor Config { get; init; }

    public required IReadOnlyList<Descriptor> Layers { get; init; }

    public IReadOnlyDictionary<string, string>? Annotations { get; init; }
}

/// <summary>A list of manifests, usually one a platform.</summary>
public sealed record ImageIndex
{
    public int SchemaVersion { get; init; } = 2;

    public string? MediaType { get; init; }

    public required IReadOnlyList<Descriptor> Manifests { get; init; }

    /// <summary>The platforms that images are listed for. (Attestations are listed as unknown/unknown.)</summary>
    [JsonIgnore]
    public IReadOnlyList<Platform> Platforms => [.. Images.Select(m => m.Platform!.Platform).Distinct()];

    private IEnumerable<Descriptor> Images =>
        Manifests.Where(m => m.Platform is { Os: not ("" or "unknown") } && (m.MediaType.Length == 0 || MediaTypes.IsManifest(m.MediaType)));

    /// <summary>The manifest for a platform: the exact one, else one that runs there. An only entry that names no platform will do. Null when there is none.</summary>
    public Descriptor? Choose(Platform platform) =>
        Images.FirstOrDefault(m => m.Platform!.Platform == platform)
        ?? Images.FirstOrDefault(m => platform.Accepts(m.Platform!.Platform))
        ?? (Manifests is [{ Platform: null } only] ? only : null);
}
