using System.Buffers;
using System.Text.Json;
using System.Text.Json.Serialization;
using Orchestrator.Keeping;
using Orchestrator.Oci.Runtime.Reading;

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

    /// <exception cref="JsonException">The text is no such record.</exception>
    public static ContainerRecord Parse(ReadOnlySpan<byte> json) => ConfigReader.Parse(json, Read);

    public byte[] ToJson()
    {
        var text = new ArrayBufferWriter<byte>(512);
        using (var json = new Utf8JsonWriter(text))
        {
            json.WriteStartObject();
            json.WriteString("id"u8, Id);
            json.WriteString("bundle"u8, Bundle);
            json.WriteString("cgroupPath"u8, CgroupPath);
            json.WriteNumber("createdAtUnixMs"u8, CreatedAtUnixMs);
            json.WriteNumber("pid"u8, Pid);
            json.WriteNumber("startTime"u8, StartTime);
            Kept?.Write(json);
            json.WriteEndObject();
        }
        return text.WrittenSpan.ToArray();
    }

    private static ContainerRecord Read(ref ConfigReader json)
    {
        var record = new ContainerRecord { Id = "", Bundle = "", CgroupPath = "", CreatedAtUnixMs = 0 };
        for (json.Enter(); json.Next(out var name);)
        {
            switch (name)
            {
                case "id": record = record with { Id = json.Text() }; break;
                case "bundle": record = record with { Bundle = json.Text() }; break;
                case "cgroupPath": record = record with { CgroupPath = json.Text() }; break;
                case "createdAtUnixMs": record = record with { CreatedAtUnixMs = json.Number<long>() }; break;
                case "pid": record = record with { Pid = json.Number<int>() }; break;
                case "startTime": record = record with { StartTime = json.Number<ulong>() }; break;
                case "kept": record = record with { Kept = json.OrNull(KeptRecord.Read) }; break;
                default: json.Skip(); break;
            }
        }
        return record;
    }
}

/// <summary>What another keeper needs to take the container over.</summary>
public sealed record KeptRecord(string Log, long LogBytesMax, int LogFilesMax, int Input)
{
    public static KeptRecord Of(StartRequest request) => new(request.Log, request.LogBytesMax, request.LogFilesMax, (int)request.Input);

    internal static KeptRecord Read(ref ConfigReader json)
    {
        var kept = new KeptRecord("", 0, 0, 0);
        for (json.Enter(); json.Next(out var name);)
        {
            switch (name)
            {
                case "log": kept = kept with { Log = json.Text() }; break;
                case "logBytesMax": kept = kept with { LogBytesMax = json.Number<long>() }; break;
                case "logFilesMax": kept = kept with { LogFilesMax = json.Number<int>() }; break;
                case "input": kept = kept with { Input = json.Number<int>() }; break;
                default: json.Skip(); break;
            }
        }
        return kept;
    }

    internal void Write(Utf8JsonWriter json)
    {
        json.WriteStartObject("kept"u8);
        json.WriteString("log"u8, Log);
        json.WriteNumber("logBytesMax"u8, LogBytesMax);
        json.WriteNumber("logFilesMax"u8, LogFilesMax);
        json.WriteNumber("input"u8, Input);
        json.WriteEndObject();
    }

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
[JsonSerializable(typeof(ExitRecord))]
[JsonSerializable(typeof(StateReport))]
[JsonSerializable(typeof(StateReport[]))]
[JsonSerializable(typeof(HookState))]
[JsonSerializable(typeof(ContainerProcessState))]
[JsonSerializable(typeof(LogEntry))]
[JsonSerializable(typeof(RuntimeEvent))]
[JsonSerializable(typeof(int[]))]
internal sealed partial class ContainerJson : JsonSerializerContext;
