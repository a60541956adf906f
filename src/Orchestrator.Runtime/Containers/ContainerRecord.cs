using System.Text.Json.Serialization;
using Orchestrator.Keeping;

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

    /// <summary>Null for a container that no keeper holds.</summary>
    public KeptRecord? Kept { get; init; }
}

/// <summary>What another keeper needs to take the container over.</summary>
public sealed record KeptRecord(string Log, long LogBytesMax, int LogFilesMax, int Input)
{
    public static KeptRecord Of(StartRequest request) => new(request.Log, request.LogBytesMax, request.LogFilesMax, (int)request.Input);

    public StartRequest ToRequest(string id, string bundle) => new(id, bundle, Log, LogBytesMax, LogFilesMax, (InputMode)Input);
}

/// <summary>exit.json.</summary>
/// <param name="ExitCode">128 and the signal's number when a signal ended the process; -1 when nobody saw it end.</param>
public sealed record ExitRecord(int ExitCode, int Signal, bool OomKilled, long FinishedAtUnixMs);

/// <summary>What <c>state</c> and <c>list</c> print: the specification's fields, runc's, and how the container ended.</summary>
public sealed record StateReport
{
    public string OciVersion { get; init; } = "1.2.0";
    public required string Id { get; init; }
    public required int Pid { get; init; }
    public required string Status { get; init; }
    public required string Bundle { get; init; }
    public required string Rootfs { get; init; }

    /// <summary>As in 2026-01-31T12:00:00.1234567Z.</summary>
    public required string Created { get; init; }
    public required IReadOnlyDictionary<string, string> Annotations { get; init; }
    public string Owner { get; init; } = "root";
    public required long CreatedAtUnixMs { get; init; }
    public ExitRecord? Exit { get; init; }
}

/// <summary>The container's state as the specification has it: what hooks read.</summary>
public sealed record HookState
{
    public string OciVersion { get; init; } = "1.2.0";
    public required string Id { get; init; }
    public required string Status { get; init; }
    public required int Pid { get; init; }
    public required string Bundle { get; init; }
    public required IReadOnlyDictionary<string, string> Annotations { get; init; }
}

/// <summary>What a seccomp agent gets along with the filter's descriptor.</summary>
public sealed record ContainerProcessState
{
    public string OciVersion { get; init; } = "1.2.0";
    public IReadOnlyList<string> Fds { get; init; } = ["seccompFd"];
    public required int Pid { get; init; }
    public string? Metadata { get; init; }
    public required HookState State { get; init; }
}

public sealed record LogEntry(string Level, string Msg, string Time);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(ContainerRecord))]
[JsonSerializable(typeof(ExitRecord))]
[JsonSerializable(typeof(StateReport))]
[JsonSerializable(typeof(StateReport[]))]
[JsonSerializable(typeof(HookState))]
[JsonSerializable(typeof(ContainerProcessState))]
[JsonSerializable(typeof(LogEntry))]
[JsonSerializable(typeof(RuntimeEvent))]
[JsonSerializable(typeof(int[]))]
internal sealed partial class ContainerJson : JsonSerializerContext;
