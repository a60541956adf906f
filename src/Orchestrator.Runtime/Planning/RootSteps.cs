using Orchestrator.Linux;
using Orchestrator.Linux.Tapes;
using Orchestrator.Oci.Runtime;
using static Orchestrator.Runtime.Planning.KernelArguments;

namespace Orchestrator.Runtime.Planning;

/// <summary>The root file system: mounted, opened, and at the end pivoted into.</summary>
internal static class RootSteps
{
    // mount(2) takes one page of options.
    private const int OptionsMax = 4095;

    /// <summary>From here on, nothing that is mounted reaches the host, whatever the host shares.</summary>
    public static void Separate(Tape tape) =>
        tape.Add("linux.rootfsPropagation", Syscall.mount, Argument.Null, "/", Argument.Null, Argument.Named((long)(MountFlags.Slave | MountFlags.Recursive), "Slave, Recursive"), Argument.Null);

    /// <summary>In a new mount namespace: the root as a mount of its own, so that it can be pivoted into.</summary>
    public static RootDirectory Mount(Tape tape, RuntimeConfig config, LaunchFacts facts)
    {
        var path = RootPath(config, facts);
        if (config.Annotations.TryGetValue(RuntimeAnnotations.Overlay, out var overlay))
            MountOverlay(tape, path, OverlayConfig.Parse(overlay), $"annotations[{RuntimeAnnotations.Overlay}]");
        else
            tape.Add("root.path", Syscall.mount, path, path, Argument.Null, Argument.Named((long)(MountFlags.Bind | MountFlags.Recursive), "Bind, Recursive"), Argument.Null);
        var root = Open(tape, path);
        if (Propagation(config) is { } flags && !IsAfterPivot(flags))
            SetPropagation(tape, root.Descriptor, flags);
        return root;
    }

    /// <summary>Without a mount namespace of its own: the root is a directory among the others.</summary>
    public static RootDirectory Open(Tape tape, string path) =>
        new(tape, tape.Add("root.path", Syscall.openat, HereDirectory, path, Argument.Flags(PathOnly | OpenFlags.Directory), 0));

    /// <summary>A shared root could not be pivoted into, an unbindable one not be made read-only in parts: so these come late.</summary>
    public static void SharePivoted(Tape tape, RuntimeConfig config, RootDirectory root)
    {
        if (Propagation(config) is { } flags && IsAfterPivot(flags))
            SetPropagation(tape, root.Descriptor, flags);
    }

    public static string RootPath(RuntimeConfig config, LaunchFacts facts) =>
        Path.GetFullPath(config.Root?.Path ?? throw new RuntimeConfigException("root", "is missing; accepted: an object with path"), facts.Bundle);

    public static void MakeReadOnly(Tape tape, RootDirectory root) =>
        tape.Add("root.readonly", Syscall.mount_setattr, root.Descriptor, "", EmptyPath,
            MountAttributes(new MountAttributes(MountAttributeFlags.ReadOnly, 0, 0)), MountAttributesSize);

    /// <summary>The old root is stacked upon the new one by pivot_root(".", "."), and then taken off.</summary>
    public static void Pivot(Tape tape, RootDirectory root)
    {
        tape.Add("root.path", Syscall.fchdir, root.Descriptor);
        tape.Add("root.path", Syscall.pivot_root, ".", ".");
        tape.Add("root.path", Syscall.umount2, ".", Argument.Named(2, "MNT_DETACH"));
        tape.Add("root.path", Syscall.chdir, "/");
    }

    /// <summary>Without a pivot: the old root is still there, below the new one, and out of reach for whoever may not mount.</summary>
    public static void MoveOver(Tape tape, RootDirectory root)
    {
        tape.Add("root.path", Syscall.fchdir, root.Descriptor);
        tape.Add("root.path", Syscall.mount, ".", "/", Argument.Null, Argument.Named((long)MountFlags.Move, "Move"), Argument.Null);
        tape.Add("root.path", Syscall.chroot, ".");
        tape.Add("root.path", Syscall.chdir, "/");
    }

    public static void ChangeRoot(Tape tape, RootDirectory root)
    {
        tape.Add("root.path", Syscall.fchdir, root.Descriptor);
        tape.Add("root.path", Syscall.chroot, ".");
    }

    private static MountFlags? Propagation(RuntimeConfig config) => config.Linux.RootfsPropagation is not { Length: > 0 } word ? null
        : MountOptions.FindPropagation(word) ?? throw new RuntimeConfigException("linux.rootfsPropagation",
            $"\"{word}\" is unknown; accepted: shared, slave, private, unbindable, with an r before for all below");

    private static bool IsAfterPivot(MountFlags flags) => (flags & (MountFlags.Shared | MountFlags.Unbindable)) != 0;

    private static void SetPropagation(Tape tape, Step root, MountFlags flags) =>
        tape.Add("linux.rootfsPropagation", Syscall.mount_setattr, root, "", flags.HasFlag(MountFlags.Recursive) ? EmptyPathRecursive : EmptyPath,
            MountAttributes(new MountAttributes(0, 0, flags & ~MountFlags.Recursive)), MountAttributesSize);

    private static void MountOverlay(Tape tape, string path, OverlayConfig overlay, string field)
    {
        if (overlay.Lower.Count == 0)
            throw new RuntimeConfigException(field + ".lower", "is empty; accepted: the layers' directories, topmost first");
        // Relative to the directory that the layers share, twice as many fit.
        var start = SharedParent(overlay.Lower);
        var lower = string.Join(':', overlay.Lower.Select(l => Escape(l[(start.Length + 1)..])));
        var options = "lowerdir=" + lower + (overlay.Upper.Length == 0 ? "" : $",upperdir={Escape(overlay.Upper)},workdir={Escape(overlay.Work)}");
        if (options.Length > OptionsMax)
            throw new RuntimeConfigException(field, $"{overlay.Lower.Count} layers make {options.Length} bytes of mount options; accepted: {OptionsMax}");
        tape.Add(field + ".lower", Syscall.chdir, start.Length == 0 ? "/" : start);
        tape.Add(field, Syscall.mount, "overlay", path, "overlay", 0, options);
    }

    private static string SharedParent(IReadOnlyList<string> paths)
    {
        var shared = Path.GetDirectoryName(paths[0])!;
        while (shared.Length > 1 && paths.Any(p => !p.StartsWith(shared + "/", StringComparison.Ordinal)))
            shared = Path.GetDirectoryName(shared)!;
        return shared.TrimEnd('/');
    }

    private static string Escape(string path) => path
        .Replace("\\", "\\\\", StringComparison.Ordinal).Replace(":", "\\:", StringComparison.Ordinal).Replace(",", "\\,", StringComparison.Ordinal);
}
