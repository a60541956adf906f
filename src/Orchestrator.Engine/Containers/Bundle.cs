using Orchestrator.Engine.Volumes;
using Orchestrator.Linux;

namespace Orchestrator.Engine.Containers;

/// <summary>A container's directory: config.json for the runtime, the files that it shows in /etc, and the writable layer.</summary>
internal sealed class Bundle(EngineOptions engine, VolumeStore volumes, string directory)
{
    public const string UpperDirectory = "upper", WorkDirectory = "work", RootDirectory = "rootfs";

    private static readonly string[] s_writable = [WorkDirectory, RootDirectory, UpperDirectory];

    public ContainerRecord Write(ContainerOptions options)
    {
        var image = new LayerView(options.Image.LayerDirectories);
        var hostname = options.Hostname.Length > 0 ? options.Hostname : options.HostNetwork || options.HostUts ? Environment.MachineName : options.Id[..Math.Min(12, options.Id.Length)];
        var process = ContainerProcess.Resolve(options, options.Image.Config, hostname);
        var plan = new MountPlan(volumes, image, options.Id);
        var mounts = plan.Make(options.Mounts, options.Image.Config.Volumes).Concat(WriteNetworkFiles(options, hostname)).ToList();
        var user = ImageUser.Resolve(process.User, image.ReadText("/etc/passwd"), image.ReadText("/etc/group"), options.AddGroups);
        foreach (var name in s_writable)
            Directory.CreateDirectory(Path.Combine(directory, name));
        var config = new BundleConfig(options, process, user, hostname, mounts, $"/{engine.CgroupParent}/{options.Id}", directory);
        File.WriteAllBytes(Path.Combine(directory, "config.json"), config.ToRuntimeConfig().ToJson());
        return new ContainerRecord
        {
            Id = options.Id,
            ImageDigest = options.Image.Digest.ToString(),
            State = ContainerState.Created,
            StopSignal = process.StopSignal,
            CreatedAtUnixMs = DateTimeOffset.UtcNow.ToUnixTimeMilliseconds(),
            Labels = options.Labels,
            OwnVolumes = plan.OwnVolumes,
            Input = options.Input,
            LogBytesMax = options.LogBytesMax,
            LogFilesMax = options.LogFilesMax,
            Volumes = plan.Volumes,
        };
    }

    public static void DeleteWritableLayer(string directory)
    {
        foreach (var name in s_writable)
            FileTree.Delete(Path.Combine(directory, name));
    }

    private IEnumerable<PlannedMount> WriteNetworkFiles(ContainerOptions options, string hostname)
    {
        var machine = File.Exists("/etc/resolv.conf") ? File.ReadAllText("/etc/resolv.conf") : "";
        yield return WriteFile("hostname", hostname + "\n");
        var hosts = options.HostNetwork && File.Exists("/etc/hosts") ? File.ReadAllText("/etc/hosts") : null;
        yield return WriteFile("hosts", NetworkFiles.Hosts(options.Hosts, hostname, hosts));
        yield return WriteFile("resolv.conf", NetworkFiles.ResolvConf(options.Dns, machine));
    }

    private PlannedMount WriteFile(string name, string text)
    {
        var path = Path.Combine(directory, name);
        File.WriteAllText(path, text);
        FileSystem.ChangeMode(path, 0x1a4);
        return new PlannedMount("/etc/" + name, "bind", path, ["rbind", "rw", "rprivate"]);
    }
}
