using System.Text.Json;
using System.Text.Json.Serialization;

namespace Orchestrator.Engine.Containers;

public enum ContainerState
{
    Created,

    /// <summary>The runtime was asked to start it; whether it did is not known yet.</summary>
    Starting,
    Running,
    Ended,
}

/// <param name="ExitCode">128+n when signal n ended it.</param>
/// <param name="Error">Set when what happened is not known: nobody saw it end, or the machine restarted. The exit code is -1 then, or that of the kill.</param>
public sealed record ContainerExit(int ExitCode, int Signal, bool OomKilled, long FinishedAtUnixMs, string? Error = null);

/// <param name="StartTime">Clock ticks since boot, so that a reused pid is never taken for this process.</param>
public sealed record ProcessMark(int Pid, ulong StartTime);

/// <summary>What the engine knows about a container, kept in its bundle so that a new engine finds it again.</summary>
public sealed record ContainerRecord
{
    public required string Id { get; init; }
    public required string ImageDigest { get; init; }
    public required ContainerState State { get; init; }
    public required int StopSignal { get; init; }
    public required long CreatedAtUnixMs { get; init; }
    public IReadOnlyDictionary<string, string> Labels { get; init; } = new Dictionary<string, string>();

    /// <summary>Names of all volumes that it mounts.</summary>
    public IReadOnlyList<string> Volumes { get; init; } = [];

    /// <summary>Volumes that go with the container.</summary>
    public IReadOnlyList<string> OwnVolumes { get; init; } = [];
    public ContainerInput Input { get; init; }

    /// <summary>0: the engine's; so too the files.</summary>
    public long LogBytesMax { get; init; }
    public int LogFilesMax { get; init; }
    public long StartedAtUnixMs { get; init; }
    public ProcessMark? Process { get; init; }
    public ContainerExit? Exit { get; init; }

    /// <summary>Null when there is none, or it was cut short by a crash.</summary>
    internal static ContainerRecord? Load(string path)
    {
        try
        {
            return JsonSerializer.Deserialize(File.ReadAllBytes(path), ContainerJson.Default.ContainerRecord);
        }
        catch (Exception e) when (e is JsonException or FileNotFoundException or DirectoryNotFoundException)
        {
            return null;
        }
    }

    // No fsync: after a power loss there are no processes left that a record would have to lead to.
    internal void Save(string path)
    {
        File.WriteAllBytes(path + ".new", JsonSerializer.SerializeToUtf8Bytes(this, ContainerJson.Default.ContainerRecord));
        File.Move(path + ".new", path, overwrite: true);
    }
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, UseStringEnumConverter = true)]
[JsonSerializable(typeof(ContainerRecord))]
[JsonSerializable(typeof(ContainerExit))]
internal sealed partial class ContainerJson : JsonSerializerContext;
