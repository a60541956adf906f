using Orchestrator.Linux;
using Orchestrator.Linux.Tapes;
using Orchestrator.Oci.Runtime;

namespace Orchestrator.Runtime.Planning;

/// <summary>The nodes that every container has, those that were asked for, and the usual links of /dev.</summary>
internal static class DeviceSteps
{
    private static readonly (string Name, uint Major, uint Minor)[] s_default =
        [("null", 1, 3), ("zero", 1, 5), ("full", 1, 7), ("random", 1, 8), ("urandom", 1, 9), ("tty", 5, 0)];

    private static readonly (string Name, string Target)[] s_links =
        [("fd", "/proc/self/fd"), ("stdin", "/proc/self/fd/0"), ("stdout", "/proc/self/fd/1"), ("stderr", "/proc/self/fd/2"), ("ptmx", "pts/ptmx")];

    public static void Add(Tape tape, RootDirectory root, RuntimeConfig config)
    {
        // A /dev of the host's has all of it, and is not ours to change.
        if (!config.Mounts.Any(m => m.Destination.TrimEnd('/') == "/dev" && MountOptions.Parse(m).IsBind))
            AddDefaults(tape, root.OpenOrMake("/dev", "/dev", isDirectory: true));
        for (var i = 0; i < config.Linux.Devices.Count; i++)
            Add(tape, root, config.Linux.Devices[i], $"linux.devices[{i}]");
    }

    private static void AddDefaults(Tape tape, Step dev)
    {
        foreach (var (name, major, minor) in s_default)
            MakeNode(tape, dev, name, FileKind.CharacterDevice, 0x1B6, FileSystem.DeviceNumber(major, minor), "/dev");
        foreach (var (name, target) in s_links)
            tape.Add("/dev", Syscall.symlinkat, target, dev, name).Tolerate(Errno.EEXIST);
    }

    private static void Add(Tape tape, RootDirectory root, DeviceConfig device, string field)
    {
        var kind = device.Type switch
        {
            "c" or "u" => FileKind.CharacterDevice,
            "b" => FileKind.BlockDevice,
            "p" => FileKind.Fifo,
            _ => throw new RuntimeConfigException(field + ".type", $"\"{device.Type}\" is unknown; accepted: c, u, b, p"),
        };
        if (Path.GetDirectoryName(device.Path) is not { Length: > 0 } parentPath)
            throw new RuntimeConfigException(field + ".path", $"\"{device.Path}\" is no path of a file; accepted: as in /dev/fuse");
        var parent = root.OpenOrMake(field + ".path", parentPath, isDirectory: true);
        var name = Path.GetFileName(device.Path);
        var number = FileSystem.DeviceNumber((uint)device.Major, (uint)device.Minor);
        MakeNode(tape, parent, name, kind, device.FileMode ?? 0x1B6, kind == FileKind.Fifo ? 0 : number, field);
        if (device.Uid is > 0 || device.Gid is > 0)
            tape.Add(field + ".uid", Syscall.fchownat, parent, name, device.Uid ?? 0, device.Gid ?? 0, Argument.Named(0x100, "AT_SYMLINK_NOFOLLOW"));
    }

    private static void MakeNode(Tape tape, Step parent, string name, FileKind kind, uint permissions, ulong device, string field) =>
        tape.Add(field, Syscall.mknodat, parent, name, Argument.Octal((uint)kind | (permissions & 0xFFF)), Argument.Named((long)device, $"{kind} {device >> 8}:{device & 0xFF}"))
            .Tolerate(Errno.EEXIST);
}
