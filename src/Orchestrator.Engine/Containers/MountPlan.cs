using System.Globalization;
using Orchestrator.Engine.Volumes;

namespace Orchestrator.Engine.Containers;

/// <param name="Type">"bind" or "tmpfs".</param>
internal sealed record PlannedMount(string Target, string Type, string Source, IReadOnlyList<string> Options);

/// <summary>Brings what a container mounts into being on this machine, in the order in which it is to be mounted.</summary>
internal sealed class MountPlan(VolumeStore volumes, LayerView image, string containerId)
{
    public List<string> OwnVolumes { get; } = [];
    public List<string> Volumes { get; } = [];

    public IReadOnlyList<PlannedMount> Make(IReadOnlyList<ContainerMount> mounts, IEnumerable<string> imageVolumes)
    {
        var targets = mounts.Select(m => Normalize(m.Target)).ToHashSet(StringComparer.Ordinal);
        var undeclared = imageVolumes.Select(Normalize).Where(v => v.Length > 1 && !targets.Contains(v)).Order(StringComparer.Ordinal);
        // A mount below another one comes after it.
        return [.. mounts.Concat(undeclared.Select(v => new VolumeMount(null, v)))
            .Select(Make).OrderBy(m => m.Target.Count(c => c == '/'))];
    }

    private PlannedMount Make(ContainerMount mount)
    {
        var target = Normalize(mount.Target);
        if (!mount.Target.StartsWith('/') || target == "/")
            throw new ContainerException($"mount target \"{mount.Target}\" cannot be used: expected an absolute path other than /");
        return mount switch
        {
            BindMount bind => Bind(target, BindSource(bind), mount.ReadOnly),
            VolumeMount volume => Volume(volume, target),
            TemporaryMount temporary => new PlannedMount(target, "tmpfs", "tmpfs", TmpfsOptions(temporary)),
            _ => throw new InvalidOperationException($"no such kind of mount: {mount}"),
        };
    }

    private static PlannedMount Bind(string target, string source, bool readOnly) =>
        new(target, "bind", source, ["rbind", readOnly ? "ro" : "rw", "rprivate"]);

    private static string BindSource(BindMount bind)
    {
        if (!bind.Source.StartsWith('/'))
            throw new ContainerException($"bind mount on {bind.Target}: source \"{bind.Source}\" is not absolute");
        if (Path.Exists(bind.Source))
            return bind.Source;
        if (!bind.CreateSource)
            throw new ContainerException($"bind mount on {bind.Target}: source \"{bind.Source}\" does not exist on this machine; make it first, or name a volume instead of a path");
        Directory.CreateDirectory(bind.Source);
        return bind.Source;
    }

    private PlannedMount Volume(VolumeMount mount, string target)
    {
        var name = mount.Name ?? $"{containerId}.{OwnVolumes.Count.ToString(CultureInfo.InvariantCulture)}";
        if (mount.Name is null)
            OwnVolumes.Add(name);
        Volumes.Add(name);
        volumes.Ensure(name, image, target, anonymous: mount.Name is null);
        var planned = Bind(target, volumes.PathOf(name), mount.ReadOnly);
        if (mount.Subpath.Length == 0)
            return planned;
        // Other containers may write to the volume until this one starts, so the runtime walks to the subdirectory itself; the path must be there now.
        var subdirectory = Path.GetRelativePath(planned.Source, volumes.Subdirectory(name, mount.Subpath));
        return planned with { Options = [.. planned.Options, "X-mount.subdir=" + subdirectory] };
    }

    private static List<string> TmpfsOptions(TemporaryMount mount)
    {
        var options = new List<string> { "nosuid", "nodev", mount.ReadOnly ? "ro" : "rw" };
        options.Add("mode=" + Convert.ToString(mount.Mode == 0 ? 0x3ff : mount.Mode, 8));
        if (mount.SizeBytes > 0)
            options.Add("size=" + mount.SizeBytes.ToString(CultureInfo.InvariantCulture));
        return options;
    }

    private static string Normalize(string path) => "/" + string.Join('/', path.Split('/', StringSplitOptions.RemoveEmptyEntries).Where(p => p != "."));
}
