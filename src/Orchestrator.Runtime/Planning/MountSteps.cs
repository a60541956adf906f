using Orchestrator.Linux;
using Orchestrator.Linux.Tapes;
using Orchestrator.Oci.Runtime;
using static Orchestrator.Runtime.Planning.KernelArguments;

namespace Orchestrator.Runtime.Planning;

/// <summary>The mounts of config.json. Each is made detached, gets its attributes, and is then moved to its place by descriptors.</summary>
internal sealed class MountSteps(Tape tape, RuntimeConfig config, NamespaceTable namespaces, LaunchFacts facts)
{
    // What LXCFS and the like lay over single files of /proc; anything else there could hide what must be masked.
    private static readonly string[] s_allowedInProc =
        ["/proc/cpuinfo", "/proc/diskstats", "/proc/meminfo", "/proc/stat", "/proc/swaps", "/proc/uptime", "/proc/loadavg", "/proc/slabinfo", "/proc/sys/kernel/ns_last_pid"];

    private readonly Dictionary<int, Argument> _sources = [];
    private readonly ReportSteps _reports = new(tape, facts);

    /// <summary>
    /// The sources of bind mounts, as detached trees. This early they still are peers of the host's mounts, which shared and slave are about,
    /// and the process still is the host's root, which alone may get to them.
    /// </summary>
    public void OpenSources()
    {
        for (var i = 0; i < config.Mounts.Count; i++)
        {
            var (mount, field) = (config.Mounts[i], $"mounts[{i}]");
            var options = Check(mount, field);
            if (options.MapsIdsRecursively is not null)
                _sources[i] = Argument.Named(facts.MappedTrees.GetValueOrDefault(i, -1), $"mapped-tree-{i}");
            else if (options.IsBind && !options.IsRemount)
                _sources[i] = OpenSource(SourcePath(mount, field, facts), options, field);
        }
    }

    // Others may write below the source of a subdirectory, up to this moment: it is walked as if it were a root.
    private Step OpenSource(string source, MountOptions options, string field)
    {
        if (options.Subdirectory is not { } subdirectory)
            return tape.Add(field + ".source", Syscall.open_tree, HereDirectory, source, OpenTree(options.IsRecursiveBind));
        var above = tape.Add(field + ".source", Syscall.openat, HereDirectory, source, Argument.Flags(PathOnly | OpenFlags.Directory), 0);
        var found = new RootDirectory(tape, above).Open(field + ".options", subdirectory, PathOnly);
        return tape.Add(field + ".source", Syscall.open_tree, found, "", OpenTree(options.IsRecursiveBind, emptyPath: true));
    }

    public void Add(RootDirectory root)
    {
        for (var i = 0; i < config.Mounts.Count; i++)
        {
            var (mount, field) = (config.Mounts[i], $"mounts[{i}]");
            var options = MountOptions.Parse(mount, field);
            if (options.IsRemount)
                Remount(root, mount, options, field);
            else if (options.IsBind)
                Bind(root, i, options, field);
            else if (mount.Type is "cgroup" or "cgroup2")
                new CgroupMountSteps(tape, facts).Add(root, mount, options, field);
            else
                MoveTo(root, Fresh(root, mount, options, field), mount, true, field);
        }
    }

    /// <summary>The host's path of a bind mount.</summary>
    public static string SourcePath(MountConfig mount, string field, LaunchFacts facts) =>
        Path.GetFullPath(mount.Source is { Length: > 0 } source ? source : throw new RuntimeConfigException(field + ".source", "is missing; accepted: a path of the host"), facts.Bundle);

    private MountOptions Check(MountConfig mount, string field)
    {
        if (mount.Destination.Length == 0)
            throw new RuntimeConfigException(field + ".destination", "is missing; accepted: an absolute path in the container");
        CheckProc(mount, field);
        var options = MountOptions.Parse(mount, field);
        if (!options.IsBind && !options.IsRemount && string.IsNullOrEmpty(mount.Type))
            throw new RuntimeConfigException(field + ".type", "is missing; accepted: a file system, or bind");
        if (options.CopiesUp && (mount.Type != "tmpfs" || namespaces.Has(NamespaceKinds.User)))
            throw new RuntimeConfigException(field + ".options", "tmpcopyup is not supported here; accepted: on a tmpfs, without a user namespace");
        if (options.Subdirectory is not null && (!options.IsBind || options.MapsIdsRecursively is not null))
            throw new RuntimeConfigException(field + ".options", "X-mount.subdir is not supported here; accepted: with bind or rbind, without idmap");
        CheckMaps(mount, options, field);
        return options;
    }

    private void CheckMaps(MountConfig mount, MountOptions options, string field)
    {
        var own = mount.UidMappings.Count > 0 || mount.GidMappings.Count > 0;
        if (own && (mount.UidMappings.Count == 0 || mount.GidMappings.Count == 0))
            throw new RuntimeConfigException(field + (mount.UidMappings.Count == 0 ? ".uidMappings" : ".gidMappings"), "is missing; accepted: both or none");
        if (own && options.MapsIdsRecursively is null)
            throw new RuntimeConfigException(field + ".uidMappings", "have no effect; accepted: only with the option idmap or ridmap");
        if (options.MapsIdsRecursively is null)
            return;
        if (!options.IsBind)
            throw new RuntimeConfigException(field + ".options", "only what is bound can be mapped; accepted: idmap with bind or rbind");
        if (!own && !namespaces.Has(NamespaceKinds.User))
            throw new RuntimeConfigException(field + ".uidMappings", "is missing, and there is no user namespace to take the mapping from; accepted: uidMappings and gidMappings");
    }

    private static void CheckProc(MountConfig mount, string field)
    {
        var destination = "/" + mount.Destination.Trim('/');
        var isProc = destination == "/proc" && mount.Type != "proc" && mount.Source != "/proc";
        if (isProc || (destination.StartsWith("/proc/", StringComparison.Ordinal) && !s_allowedInProc.Contains(destination)))
            throw new RuntimeConfigException(field + ".destination", $"\"{destination}\" would hide the kernel's own files; accepted: a path outside /proc");
    }

    private void Bind(RootDirectory root, int index, MountOptions options, string field)
    {
        var mount = config.Mounts[index];
        var source = Path.Join(SourcePath(mount, field, facts), options.Subdirectory);
        var kind = facts.KindOf(source) ?? throw new RuntimeConfigException(field + ".source", $"\"{source}\" does not exist");
        var tree = _sources[index];
        SetAttributes(tape, tree, options, field);
        MoveTo(root, tree, mount, kind == FileKind.Directory, field);
    }

    private Step Fresh(RootDirectory root, MountConfig mount, MountOptions options, string field)
    {
        var tree = Fresh(tape, WithLabel(mount), options, field, options.CopiesUp ? MountAttributeFlags.ReadOnly : 0);
        if (options.CopiesUp)
            CopyUp(root, tree, mount, options, field);
        if (options.AsksForPropagation)
            SetPropagation(tape, tree, options, field);
        return tree;
    }

    /// <summary>A new file system, detached.</summary>
    public static Step Fresh(Tape tape, MountConfig mount, MountOptions options, string field, MountAttributeFlags later = 0)
    {
        var context = tape.Add(field + ".type", Syscall.fsopen, mount.Type!, CloseOnExec1);
        if (!string.IsNullOrEmpty(mount.Source))
            tape.Add(field + ".source", Syscall.fsconfig, context, SetString, "source", mount.Source, 0);
        Configure(tape, context, options, field);
        tape.Add(field, Syscall.fsconfig, context, Create, Argument.Null, Argument.Null, 0);
        var set = options.Change.With(options.RecursiveChange).Set & ~later;
        return tape.Add(field, Syscall.fsmount, context, CloseOnExec1, Argument.Named((long)set, set));
    }

    private static void Configure(Tape tape, Step context, MountOptions options, string field)
    {
        foreach (var (key, value) in options.Data)
            tape.Add(field + ".options", Syscall.fsconfig, context, value is null ? SetFlag : SetString, key, value ?? Argument.Null, 0);
    }

    // The parent copies: descriptors at fixed numbers are its handles on both ends.
    private void CopyUp(RootDirectory root, Step tree, MountConfig mount, MountOptions options, string field)
    {
        var hidden = root.Open(field + ".destination", mount.Destination, OpenFlags.ReadOnly | OpenFlags.Directory);
        tape.Add(field + ".options", Syscall.dup3, hidden, LaunchDescriptors.CopySourceInChild, CloseOnExec);
        tape.Add(field + ".options", Syscall.dup3, tree, LaunchDescriptors.CopyTargetInChild, CloseOnExec);
        _reports.Ask(ChildReports.CopyWanted, field + ".options");
        hidden.OnError(tape.End, Errno.ENOENT);
        if (options.Change.Set.HasFlag(MountAttributeFlags.ReadOnly))
            SetAttributes(tape, tree, new AttributeChange(MountAttributeFlags.ReadOnly, 0), EmptyPath, field);
    }

    private void Remount(RootDirectory root, MountConfig mount, MountOptions options, string field)
    {
        var place = root.Open(field + ".destination", mount.Destination, PathOnly);
        if (!options.IsBind)
        {
            var context = tape.Add(field, Syscall.fspick, place, "", Argument.Named(1 | 8, "CLOEXEC|EMPTY_PATH"));
            Configure(tape, context, options, field);
            tape.Add(field + ".options", Syscall.fsconfig, context, Reconfigure, Argument.Null, Argument.Null, 0);
        }
        SetAttributes(tape, place, options.Change, EmptyPath, field);
        SetAttributes(tape, place, options.RecursiveChange, EmptyPathRecursive, field);
        if (options.AsksForPropagation)
            SetPropagation(tape, place, options, field);
    }

    private MountConfig WithLabel(MountConfig mount)
    {
        if (config.Linux.MountLabel is not { Length: > 0 } label || mount.Type is "proc" or "sysfs")
            return mount;
        LabelSteps.CheckSelinux("linux.mountLabel", label, facts);
        return mount with { Options = [.. mount.Options, "context=" + label] };
    }

    public static void SetAttributes(Tape tape, Argument tree, MountOptions options, string field)
    {
        SetPropagation(tape, tree, options, field);
        SetAttributes(tape, tree, options.Change, EmptyPath, field);
        SetAttributes(tape, tree, options.RecursiveChange, EmptyPathRecursive, field);
    }

    private static void SetPropagation(Tape tape, Argument tree, MountOptions options, string field) =>
        tape.Add(field + ".options", Syscall.mount_setattr, tree, "", options.Propagation.HasFlag(MountFlags.Recursive) ? EmptyPathRecursive : EmptyPath,
            MountAttributes(new MountAttributes(0, 0, options.Propagation & ~MountFlags.Recursive)), MountAttributesSize);

    private static void SetAttributes(Tape tape, Argument tree, AttributeChange change, Argument which, string field)
    {
        if (!change.IsNone)
            tape.Add(field + ".options", Syscall.mount_setattr, tree, "", which, MountAttributes(new MountAttributes(change.Set, change.Clear, 0)), MountAttributesSize);
    }

    private static void MoveTo(RootDirectory root, Argument tree, MountConfig mount, bool isDirectory, string field) =>
        root.Attach(tree, mount.Destination, isDirectory, field, onLinks: mount.Type is not ("proc" or "sysfs"));
}
