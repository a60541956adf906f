using Orchestrator.Linux;
using Orchestrator.Linux.Tapes;
using Orchestrator.Oci.Runtime;
using static Orchestrator.Runtime.Planning.KernelArguments;

namespace Orchestrator.Runtime.Planning;

/// <summary>
/// The nodes that every container has, those that were asked for, and the usual links of /dev. Nobody can make device nodes in a user
/// namespace: there they are the host's, bound.
/// </summary>
internal sealed class DeviceSteps(Tape tape, RuntimeConfig config, NamespaceTable namespaces)
{
    private const uint ReadWriteAll = 0x1B6, PermissionBits = 0xFFF;

    private static readonly (string Name, uint Major, uint Minor)[] s_default =
        [("null", 1, 3), ("zero", 1, 5), ("full", 1, 7), ("random", 1, 8), ("urandom", 1, 9), ("tty", 5, 0)];

    private static readonly (string Name, string Target)[] s_links =
        [("fd", "/proc/self/fd"), ("stdin", "/proc/self/fd/0"), ("stdout", "/proc/self/fd/1"), ("stderr", "/proc/self/fd/2"), ("ptmx", "pts/ptmx")];

    private readonly Dictionary<string, Step> _sources = [];

    // A /dev of the host's has all of it, and is not ours to change.
    private bool HasDefaults => !config.Mounts.Any(m => m.Destination.TrimEnd('/') == "/dev" && MountOptions.Binds(m));

    /// <summary>While the process may still open the host's.</summary>
    public void OpenSources()
    {
        if (!namespaces.Has(NamespaceKinds.User))
            return;
        foreach (var (name, _, _) in HasDefaults ? s_default : [])
            OpenSource("/dev/" + name, "/dev");
        for (var i = 0; i < config.Linux.Devices.Count; i++)
        {
            if (config.Linux.Devices[i].Type != "p")
                OpenSource(config.Linux.Devices[i].Path, $"linux.devices[{i}].path");
        }
    }

    public void Add(RootDirectory root)
    {
        if (HasDefaults)
            AddDefaults(root);
        for (var i = 0; i < config.Linux.Devices.Count; i++)
            Add(root, config.Linux.Devices[i], $"linux.devices[{i}]");
    }

    private void OpenSource(string path, string field) => _sources[path] = tape.Add(field, Syscall.open_tree, HereDirectory, path, OpenTree(recursive: false));

    private void AddDefaults(RootDirectory root)
    {
        var dev = root.OpenOrMake("/dev", "/dev", isDirectory: true);
        foreach (var (name, major, minor) in s_default)
        {
            if (!Bind(root, "/dev/" + name, "/dev"))
                MakeNode(dev, name, FileKind.CharacterDevice, ReadWriteAll, FileSystem.DeviceNumber(major, minor), "/dev");
        }
        foreach (var (name, target) in s_links)
            tape.Add("/dev", Syscall.symlinkat, target, dev, name).Tolerate(Errno.EEXIST);
    }

    private bool Bind(RootDirectory root, string path, string field)
    {
        if (!_sources.TryGetValue(path, out var tree))
            return false;
        root.Attach(tree, path, isDirectory: false, field);
        return true;
    }

    private void Add(RootDirectory root, DeviceConfig device, string field)
    {
        var kind = device.Type switch
        {
            "c" or "u" => FileKind.CharacterDevice,
            "b" => FileKind.BlockDevice,
            "p" => FileKind.Fifo,
            _ => throw new RuntimeConfigException(field + ".type", $"\"{device.Type}\" is unknown; accepted: c, u, b, p"),
        };
        if (Path.GetDirectoryName(device.Path) is not { Length: > 0 } parentPath || Path.GetFileName(device.Path) is not { Length: > 0 } name)
            throw new RuntimeConfigException(field + ".path", $"\"{device.Path}\" is no path of a file; accepted: as in /dev/fuse");
        if (Bind(root, device.Path, field))
            return;
        var parent = root.OpenOrMake(field + ".path", parentPath, isDirectory: true);
        var number = FileSystem.DeviceNumber((uint)device.Major, (uint)device.Minor);
        MakeNode(parent, name, kind, device.FileMode ?? ReadWriteAll, kind == FileKind.Fifo ? 0 : number, field);
        if (device.Uid is > 0 || device.Gid is > 0)
            tape.Add(field + ".uid", Syscall.fchownat, parent, name, device.Uid ?? 0, device.Gid ?? 0, Argument.Named(0x100, "AT_SYMLINK_NOFOLLOW"));
    }

    private void MakeNode(Step parent, string name, FileKind kind, uint permissions, ulong device, string field) =>
        tape.Add(field, Syscall.mknodat, parent, name, Argument.Octal((uint)kind | (permissions & PermissionBits)), Argument.Named((long)device, $"{kind} {device >> 8}:{device & 0xFF}"))
            .Tolerate(Errno.EEXIST);
}
