using System.Text.Json.Serialization;

namespace Orchestrator.Runtime.Containers;

/// <summary>state.json: what must be known of a container to find it again, and only it.</summary>
public sealed record ContainerRecord
{
    public required string Id { get; init; }
    public required string Bundle { get; init; }
    public required string CgroupPath { get; init; }
    public required long CreatedAtUnixMs { get; init; }

    /// <summary>0 until the process exists.</summary>
    public int Pid { get; init; }

    /// <summary>In clock ticks since boot: a process with the same pid and another start is another process.</summary>
    public ulong StartTime { get; init; }
    public int Supervisor { get; init; }
    public ulong SupervisorStartTime { get; init; }
}

/// <summary>exit.json.</summary>
/// <param name="ExitCode">128 and the signal's number when a signal ended the process.</param>
public sealed record ExitRecord(int ExitCode, int Signal, bool OomKilled, long FinishedAtUnixMs);

/// <summary>What <c>state</c> prints: the specification's fields, and how the container ended.</summary>
public sealed record StateReport
{
    public string OciVersion { get; init; } = "1.2.0";
    public required string Id { get; init; }
    public required string Status { get; init; }
    public required int Pid { get; init; }
    public required string Bundle { get; init; }
    public required IReadOnlyDictionary<string, string> Annotations { get; init; }
    public required long CreatedAtUnixMs { get; init; }
    public ExitRecord? Exit { get; init; }
}

/// <summary>The one line that <c>supervise</c> prints.</summary>
public sealed record SuperviseReport
{
    public int? Pid { get; init; }
    public int? Supervisor { get; init; }
    public string? Error { get; init; }
}

public sealed record LogEntry(string Level, string Msg, string Time);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(ContainerRecord))]
[JsonSerializable(typeof(ExitRecord))]
[JsonSerializable(typeof(StateReport))]
[JsonSerializable(typeof(StateReport[]))]
[JsonSerializable(typeof(SuperviseReport))]
[JsonSerializable(typeof(LogEntry))]
internal sealed partial class ContainerJson : JsonSerializerContext;
