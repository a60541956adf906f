using System.Text.Json.Serialization;

namespace Orchestrator.Oci.Archives;

/// <summary>An image in the manifest.json of docker save; paths are members of the archive.</summary>
internal sealed record DockerSaveEntry
{
    [JsonPropertyName("Config")]
    public required string Config { get; init; }

    [JsonPropertyName("RepoTags")]
    public IReadOnlyList<string>? RepoTags { get; init; }

    [JsonPropertyName("Layers")]
    public required IReadOnlyList<string> Layers { get; init; }
}

[JsonSerializable(typeof(DockerSaveEntry[]))]
internal sealed partial class ArchiveJson : JsonSerializerContext;
