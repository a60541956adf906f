using System.Text.Json;
using Microsoft.Win32.SafeHandles;
using Orchestrator.Linux;
using Orchestrator.Linux.Cgroups;
using Orchestrator.Oci.Runtime;

namespace Orchestrator.Runtime.Containers;

/// <summary>A container as the disk knows it: the directory ROOT/ID.</summary>
public sealed class Container
{
    private const int ReleaseAttempts = 5;
    private const string ResourcesFile = "resources.json";

    private static readonly Lazy<CgroupLayout> s_cgroups = new(CgroupLayout.Read);
    private readonly string _directory;

    public Container(string root, string id)
    {
        if (id.Length is 0 or > 128 || id is "." or ".." || !id.All(c => char.IsAsciiLetterOrDigit(c) || c is '_' or '+' or '-' or '.'))
            throw new UsageException($"\"{id}\" is no container id; accepted: up to 128 letters, digits and _ + - .");
        Id = id;
        _directory = Path.Combine(root, id);
    }

    /// <summary>This machine's cgroups, read once: a launcher starts many containers.</summary>
    public static CgroupLayout Cgroups => s_cgroups.Value;

    public string Id { get; }

    /// <summary>In the split lifecycle: a byte in it lets the process go on to its program.</summary>
    public string GoPipePath => Path.Combine(_directory, "go");

    /// <summary>In the split lifecycle: where <c>start</c> hears how the program's start went.</summary>
    public string ErrorPipePath => Path.Combine(_directory, "error");

    /// <summary>One of a kept container's streams, for another keeper to open.</summary>
    public string FifoPath(string stream) => Path.Combine(_directory, stream);

    public bool Exists => FileSystem.Exists(_directory);

    public ContainerRecord? Record => Read("state.json", ContainerRecord.Parse);

    public ExitRecord? Exit => Read("exit.json", json => JsonSerializer.Deserialize(json, ContainerJson.Default.ExitRecord));

    public static IEnumerable<Container> List(string root) =>
        Directory.Exists(root) ? Directory.EnumerateDirectories(root).Order(StringComparer.Ordinal).Select(d => new Container(root, Path.GetFileName(d))) : [];

    /// <summary>Takes the id; of two that try, one gets it.</summary>
    public void Claim()
    {
        Directory.CreateDirectory(Path.GetDirectoryName(_directory)!);
        try
        {
            FileSystem.MakeDirectory(_directory, 0x1C0);
        }
        catch (LinuxException e) when (e.Errno == Errno.EEXIST)
        {
            throw new RefusedException($"container {Id} exists already");
        }
    }

    public void Save(ContainerRecord record) => Write("state.json", record.ToJson());

    /// <summary>Forgets the container. Nothing there is no error.</summary>
    public void Release()
    {
        for (var attempt = 1; Exists; attempt++)
        {
            try
            {
                Directory.Delete(_directory, recursive: true);
            }
            catch (IOException) when (attempt < ReleaseAttempts)
            {
                // The keeper was just putting the end on record.
            }
        }
    }

    public ContainerRecord RequireRecord() => Record ?? throw new RefusedException($"container {Id} does not exist");

    /// <summary>The container's process. Callers know the words.</summary>
    public SafeFileHandle RequireProcess(ContainerRecord record, string what) =>
        OpenProcess(record) ?? throw new RefusedException($"cannot {what} container {Id}: container not running");

    /// <summary>The limits that are in force: those of config.json, until an update.</summary>
    public ResourcesConfig Resources(ContainerRecord record)
    {
        var updated = Path.Combine(_directory, ResourcesFile);
        return File.Exists(updated) ? ResourcesConfig.Parse(File.ReadAllBytes(updated)) : Config.Linux.Resources ?? new ResourcesConfig();
    }

    public void Save(ResourcesConfig resources) => Write(ResourcesFile, resources.ToJson());

    private string ConfigPath => Path.Combine(_directory, "config.json");

    /// <summary>What the container was made from: later changes in the bundle are not its business.</summary>
    public RuntimeConfig Config => FileSystem.Exists(ConfigPath) ? ReadConfig(_directory) : ReadConfig(RequireRecord().Bundle);

    public void KeepConfig(string bundle) => FileSystem.WriteAll(ConfigPath, FileSystem.ReadAll(Path.Combine(bundle, "config.json")));

    public static RuntimeConfig ReadConfig(string bundle)
    {
        var path = Path.Combine(bundle, "config.json");
        try
        {
            return RuntimeConfig.Parse(FileSystem.ReadAll(path));
        }
        catch (JsonException e)
        {
            throw new RefusedException($"{path}: {e.Message}");
        }
        catch (IOException e)
        {
            throw new RefusedException($"{path}: {e.Message}");
        }
    }

    public StateReport State()
    {
        var record = RequireRecord();
        using var process = OpenProcess(record);
        var config = File.Exists(ConfigPath) ? ReadConfig(_directory) : new RuntimeConfig();
        return new StateReport
        {
            Id = Id,
            Pid = process is null ? 0 : record.Pid,
            Status = process is not null ? RunningStatus(record) : record.Pid == 0 && Exit is null ? "creating" : "stopped",
            Bundle = record.Bundle,
            Rootfs = Path.GetFullPath(config.Root?.Path ?? "", record.Bundle),
            Created = DateTimeOffset.FromUnixTimeMilliseconds(record.CreatedAtUnixMs).UtcDateTime.ToString("O"),
            Annotations = config.Annotations,
            CreatedAtUnixMs = record.CreatedAtUnixMs,
            Exit = Exit,
        };
    }

    /// <summary>The process itself, never another that got its pid; null once it has ended.</summary>
    public static SafeFileHandle? OpenProcess(ContainerRecord record) => record.Pid == 0 ? null : Processes.Find(record.Pid, record.StartTime);

    public static Cgroup CgroupOf(ContainerRecord record) => new(Cgroups, record.CgroupPath);

    public static CgroupFreezer FreezerOf(ContainerRecord record) => new(Cgroups, CgroupOf(record));

    private string RunningStatus(ContainerRecord record) =>
        File.Exists(GoPipePath) ? "created" : FreezerOf(record).IsFrozen ? "paused" : "running";

    private T? Read<T>(string name, Func<ReadOnlySpan<byte>, T?> parse)
        where T : class
    {
        try
        {
            return parse(FileSystem.ReadAll(Path.Combine(_directory, name)));
        }
        catch (LinuxException e) when (e.Errno is Errno.ENOENT or Errno.ENOTDIR)
        {
            return null;
        }
    }

    private void Write(string name, byte[] bytes)
    {
        var path = Path.Combine(_directory, name);
        FileSystem.WriteAll(path + ".new", bytes);
        FileSystem.Rename(path + ".new", path);
    }
}
