using System.Globalization;
using Orchestrator.Linux;
using Orchestrator.Oci.Runtime;

namespace Orchestrator.Engine.Containers;

/// <param name="Node">To be made in the container.</param>
/// <param name="Rule">Lets it be used.</param>
internal sealed record HostDevice(DeviceConfig Node, DeviceRule Rule);

/// <summary>Devices of this machine as a container gets them.</summary>
internal static class HostDevices
{
    private static readonly string[] s_notShared = ["pts", "shm", "fd", "mqueue", "console", ".lxc", ".lxd-mounts", ".udev"];

    /// <exception cref="ContainerException">Something that is no device.</exception>
    public static IReadOnlyList<HostDevice> Of(IEnumerable<DeviceMapping> mappings) => [.. mappings.SelectMany(Of)];

    /// <summary>All that a privileged container sees: every node below /dev except what each container has for itself.</summary>
    public static IReadOnlyList<HostDevice> All() => [.. In("/dev", "/dev", "rwm", s_notShared)];

    /// <summary>"c 1:3 rwm", "b *:* r": the kernel's words for devices that may be used.</summary>
    /// <exception cref="ContainerException">Something else.</exception>
    public static DeviceRule Rule(string text)
    {
        // The kernel takes "a" for all access to all devices, whatever is written after it.
        var all = text == "a *:* rwm";
        if ((all || !text.StartsWith('a')) && text.Split(' ') is [("a" or "b" or "c") and var type, var numbers, var access] && numbers.Split(':') is [var major, var minor]
            && TryNumber(major, out var majorNumber) && TryNumber(minor, out var minorNumber) && access.Length is > 0 and <= 3 && access.All("rwm".Contains))
            return new DeviceRule { Allow = true, Type = type, Major = majorNumber, Minor = minorNumber, Access = access };
        throw new ContainerException($"device rule \"{text}\": expected TYPE MAJOR:MINOR ACCESS, such as \"c 1:3 rwm\" or \"b 8:* r\"");
    }

    private static bool TryNumber(string text, out long? number)
    {
        number = long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var parsed) ? parsed : null;
        return number is not null || text == "*";
    }

    private static IEnumerable<HostDevice> Of(DeviceMapping mapping)
    {
        var status = FileSystem.Status(Path.Exists(mapping.Source) ? Resolved(mapping.Source) : mapping.Source)
            ?? throw new ContainerException($"device \"{mapping.Source}\" does not exist on this machine");
        if (status.Kind == FileKind.Directory)
            return In(mapping.Source, mapping.Target, mapping.Permissions, []);
        return [Device(mapping.Target, status, mapping.Permissions)
            ?? throw new ContainerException($"device \"{mapping.Source}\" is no device: expected a character or block device such as /dev/fuse")];
    }

    private static string Resolved(string path) => new FileInfo(path).ResolveLinkTarget(returnFinalTarget: true)?.FullName ?? path;

    private static IEnumerable<HostDevice> In(string source, string target, string permissions, IReadOnlyList<string> except)
    {
        foreach (var path in Directory.EnumerateFileSystemEntries(source).Where(p => !except.Contains(Path.GetFileName(p))).Order(StringComparer.Ordinal))
        {
            var inside = $"{target}/{Path.GetFileName(path)}";
            if (FileSystem.Status(path) is not { } status)
                continue;
            if (status.Kind == FileKind.Directory)
                foreach (var device in In(path, inside, permissions, []))
                    yield return device;
            else if (Device(inside, status, permissions) is { } device)
                yield return device;
        }
    }

    private static HostDevice? Device(string target, FileStatus status, string permissions)
    {
        if (status.Kind is not (FileKind.CharacterDevice or FileKind.BlockDevice))
            return null;
        var type = status.Kind == FileKind.BlockDevice ? "b" : "c";
        var (major, minor) = Numbers(status.DeviceOfNode);
        return new HostDevice(
            new DeviceConfig { Path = target, Type = type, Major = major, Minor = minor, FileMode = status.Permissions, Uid = status.Uid, Gid = status.Gid },
            new DeviceRule { Allow = true, Type = type, Major = major, Minor = minor, Access = permissions });
    }

    // The inverse of FileSystem.DeviceNumber.
    private static (long Major, long Minor) Numbers(ulong device) =>
        ((long)(((device >> 8) & 0xfff) | ((device >> 32) & ~0xffful)), (long)((device & 0xff) | ((device >> 12) & ~0xfful)));
}
