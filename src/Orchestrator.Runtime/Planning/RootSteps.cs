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

    public static RootDirectory Mount(Tape tape, RuntimeConfig config, LaunchFacts facts)
    {
        var path = RootPath(config, facts);
        var propagation = Propagation(config.Linux.RootfsPropagation);
        tape.Add("linux.rootfsPropagation", Syscall.mount, Argument.Null, "/", Argument.Null, Argument.Named((long)propagation, propagation.ToString()), Argument.Null);
        if (config.Annotations.TryGetValue(RuntimeAnnotations.Overlay, out var overlay))
            MountOverlay(tape, path, OverlayConfig.Parse(overlay), $"annotations[{RuntimeAnnotations.Overlay}]");
        else
            tape.Add("root.path", Syscall.mount, path, path, Argument.Null, Argument.Named((long)(MountFlags.Bind | MountFlags.Recursive), "Bind, Recursive"), Argument.Null);
        var root = tape.Add("root.path", Syscall.openat, HereDirectory, path, Argument.Flags(PathOnly | OpenFlags.Directory), 0);
        return new RootDirectory(tape, root);
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

    private static MountFlags Propagation(string? word) => MountOptions.FindPropagation(word ?? "rslave") switch
    {
        null => throw new RuntimeConfigException("linux.rootfsPropagation", $"\"{word}\" is unknown; accepted: private, slave, unbindable, with an r before for all below"),
        // A shared parent would not let pivot_root happen.
        { } shared when shared.HasFlag(MountFlags.Shared) => MountFlags.Slave | MountFlags.Recursive,
        { } flags => flags,
    };

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
