using System.Text.Json;
using System.Text.Json.Serialization;

namespace Orchestrator.Oci;

/// <summary>The config of an image: platform, layers' diff ids, and how a container of it runs unless told otherwise.</summary>
public sealed record ImageConfig
{
    public DateTimeOffset? Created { get; init; }

    public required string Architecture { get; init; }

    public string? Variant { get; init; }

    public required string Os { get; init; }

    [JsonPropertyName("config")]
    public ExecutionParameters? Execution { get; init; }

    [JsonPropertyName("rootfs")]
    public required RootFs RootFs { get; init; }

    [JsonIgnore]
    public Platform Platform => new(Os, Architecture, Variant);

    /// <summary>Digests of the uncompressed layers, lowest first.</summary>
    [JsonIgnore]
    public IReadOnlyList<Digest> DiffIds => RootFs.DiffIds;

    [JsonIgnore]
    public IReadOnlyList<string> Entrypoint => Execution?.Entrypoint ?? [];

    [JsonIgnore]
    public IReadOnlyList<string> Cmd => Execution?.Cmd ?? [];

    /// <summary>"NAME=value".</summary>
    [JsonIgnore]
    public IReadOnlyList<string> Env => Execution?.Env ?? [];

    /// <summary>"uid", "uid:gid", "name", "name:group"; empty is root.</summary>
    [JsonIgnore]
    public string User => Execution?.User ?? "";

    [JsonIgnore]
    public string WorkingDir => Execution?.WorkingDir ?? "";

    /// <summary>"SIGTERM", "15"; null when the image does not say.</summary>
    [JsonIgnore]
    public string? StopSignal => Execution?.StopSignal;

    /// <summary>Paths in the container that want a volume.</summary>
    [JsonIgnore]
    public IReadOnlyCollection<string> Volumes => Execution?.Volumes is { } volumes ? volumes.Keys : [];

    /// <summary>"80/tcp".</summary>
    [JsonIgnore]
    public IReadOnlyCollection<string> ExposedPorts => Execution?.ExposedPorts is { } ports ? ports.Keys : [];

    [JsonIgnore]
    public IReadOnlyDictionary<string, string> Labels => Execution?.Labels ?? s_noLabels;

    [JsonIgnore]
    public ImageHealthcheck? Healthcheck => Execution?.Healthcheck;

    private static readonly Dictionary<string, string> s_noLabels = [];
}

/// <summary>The "config" object inside an image's config; null means that the image does not say.</summary>
public sealed record ExecutionParameters
{
    [JsonPropertyName("User")]
    public string? User { get; init; }

    [JsonPropertyName("ExposedPorts")]
    public Dictionary<string, JsonElement>? ExposedPorts { get; init; }

    [JsonPropertyName("Env")]
    public IReadOnlyList<string>? Env { get; init; }

    [JsonPropertyName("Entrypoint")]
    public IReadOnlyList<string>? Entrypoint { get; init; }

    [JsonPropertyName("Cmd")]
    public IReadOnlyList<string>? Cmd { get; init; }

    [JsonPropertyName("Volumes")]
    public Dictionary<string, JsonElement>? Volumes { get; init; }

    [JsonPropertyName("WorkingDir")]
    public string? WorkingDir { get; init; }

    [JsonPropertyName("Labels")]
    public Dictionary<string, string>? Labels { get; init; }

    [JsonPropertyName("StopSignal")]
    public string? StopSignal { get; init; }

    [JsonPropertyName("Healthcheck")]
    public ImageHealthcheck? Healthcheck { get; init; }
}

/// <summary>Docker's health check in an image's config. Times are nanoseconds; 0 is the default.</summary>
public sealed record ImageHealthcheck
{
    /// <summary>"CMD", ... or "CMD-SHELL", "..." or "NONE".</summary>
    [JsonPropertyName("Test")]
    public IReadOnlyList<string>? Test { get; init; }

    [JsonPropertyName("Interval")]
    public long Interval { get; init; }

    [JsonPropertyName("Timeout")]
    public long Timeout { get; init; }

    [JsonPropertyName("StartPeriod")]
    public long StartPeriod { get; init; }

    [JsonPropertyName("StartInterval")]
    public long StartInterval { get; init; }

    [JsonPropertyName("Retries")]
    public int Retries { get; init; }
}

public sealed record RootFs
{
    public string Type { get; init; } = "layers";

    [JsonPropertyName("diff_ids")]
    public required IReadOnlyList<Digest> DiffIds { get; init; }
}
