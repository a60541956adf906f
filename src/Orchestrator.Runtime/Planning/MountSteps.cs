using Orchestrator.Linux;
using Orchestrator.Linux.Cgroups;
using Orchestrator.Linux.Tapes;
using Orchestrator.Oci.Runtime;
using static Orchestrator.Runtime.Planning.KernelArguments;

namespace Orchestrator.Runtime.Planning;

/// <summary>The mounts of config.json. Each is made detached, gets its attributes, and is then moved to its place by descriptors.</summary>
internal sealed class MountSteps(Tape tape, RootDirectory root, LaunchFacts facts)
{
    // What LXCFS and the like lay over single files of /proc; anything else there could hide what must be masked.
    private static readonly string[] s_allowedInProc =
        ["/proc/cpuinfo", "/proc/diskstats", "/proc/meminfo", "/proc/stat", "/proc/swaps", "/proc/uptime", "/proc/loadavg", "/proc/slabinfo", "/proc/sys/kernel/ns_last_pid"];

    public void Add(IReadOnlyList<MountConfig> mounts)
    {
        for (var i = 0; i < mounts.Count; i++)
            Add(mounts[i], $"mounts[{i}]");
    }

    private void Add(MountConfig mount, string field)
    {
        if (mount.Destination.Length == 0)
            throw new RuntimeConfigException(field + ".destination", "is missing; accepted: an absolute path in the container");
        CheckProc(mount, field);
        var options = MountOptions.Parse(mount);
        if (options.IsBind)
            Bind(mount, options, field);
        else if (mount.Type is "cgroup" or "cgroup2")
            Cgroups(mount, options, field);
        else
            Fresh(mount.Type ?? throw new RuntimeConfigException(field + ".type", "is missing; accepted: a file system, or bind"), mount, options, field);
    }

    private static void CheckProc(MountConfig mount, string field)
    {
        var destination = "/" + mount.Destination.Trim('/');
        var isProc = destination == "/proc" && mount.Type != "proc" && mount.Source != "/proc";
        if (isProc || (destination.StartsWith("/proc/", StringComparison.Ordinal) && !s_allowedInProc.Contains(destination)))
            throw new RuntimeConfigException(field + ".destination", $"\"{destination}\" would hide the kernel's own files; accepted: a path outside /proc");
    }

    private void Bind(MountConfig mount, MountOptions options, string field)
    {
        var source = Path.GetFullPath(mount.Source ?? throw new RuntimeConfigException(field + ".source", "is missing; accepted: a path of the host"), facts.Bundle);
        var kind = facts.KindOf(source) ?? throw new RuntimeConfigException(field + ".source", $"\"{source}\" does not exist");
        var tree = tape.Add(field + ".source", Syscall.open_tree, HereDirectory, source, OpenTree(options.IsRecursiveBind));
        SetAttributes(tree, options, field);
        MoveTo(tree, mount.Destination, kind == FileKind.Directory, field);
    }

    private void Fresh(string type, MountConfig mount, MountOptions options, string field)
    {
        var context = tape.Add(field + ".type", Syscall.fsopen, type, CloseOnExec1);
        if (!string.IsNullOrEmpty(mount.Source))
            tape.Add(field + ".source", Syscall.fsconfig, context, SetString, "source", mount.Source, 0);
        foreach (var (key, value) in options.Data)
            tape.Add(field + ".options", Syscall.fsconfig, context, value is null ? SetFlag : SetString, key, value ?? Argument.Null, 0);
        tape.Add(field, Syscall.fsconfig, context, Create, Argument.Null, Argument.Null, 0);
        var tree = tape.Add(field, Syscall.fsmount, context, CloseOnExec1, Argument.Named((long)options.Set, options.Set.ToString()));
        MoveTo(tree, mount.Destination, true, field);
    }

    /// <summary>The container's own groups: version 2's directory itself, or one directory for each of version 1's hierarchies.</summary>
    private void Cgroups(MountConfig mount, MountOptions options, string field)
    {
        if (facts.Cgroups.V1.Count == 0)
        {
            if (facts.Cgroups.Unified is { } unified)
                BindCgroup(unified, mount.Destination, options, field);
            return;
        }
        var isReadOnly = options.Set.HasFlag(MountAttributeFlags.ReadOnly);
        var writable = MountOptions.Parse(mount with { Type = "tmpfs", Source = "tmpfs", Options = [.. mount.Options.Except(["ro"]), "mode=755"] });
        Fresh("tmpfs", mount with { Source = "tmpfs" }, writable, field);
        foreach (var hierarchy in facts.Cgroups.V1)
            BindCgroup(hierarchy, $"{mount.Destination}/{Path.GetFileName(hierarchy.MountPoint)}", options, field);
        var top = root.Open(field, mount.Destination, PathOnly);
        foreach (var (controller, name) in facts.Cgroups.V1.SelectMany(h => h.Controllers.Select(c => (c, Path.GetFileName(h.MountPoint)))))
        {
            if (controller != name && !controller.StartsWith("name=", StringComparison.Ordinal))
                tape.Add(field, Syscall.symlinkat, name, top, controller).Tolerate(Errno.EEXIST);
        }
        if (isReadOnly)
            tape.Add(field, Syscall.mount_setattr, top, "", EmptyPath, MountAttributes(new MountAttributes(MountAttributeFlags.ReadOnly, 0, 0)), MountAttributesSize);
    }

    private void BindCgroup(CgroupHierarchy hierarchy, string destination, MountOptions options, string field)
    {
        var tree = tape.Add(field, Syscall.open_tree, HereDirectory, hierarchy.Directory(facts.CgroupPath), OpenTree(recursive: false));
        SetAttributes(tree, options, field);
        MoveTo(tree, destination, true, field);
    }

    private void SetAttributes(Step tree, MountOptions options, string field)
    {
        var recursive = options.Propagation.HasFlag(MountFlags.Recursive);
        tape.Add(field + ".options", Syscall.mount_setattr, tree, "", recursive ? EmptyPathRecursive : EmptyPath,
            MountAttributes(new MountAttributes(0, 0, options.Propagation & ~MountFlags.Recursive)), MountAttributesSize);
        if ((options.Set | options.Clear) != 0)
            tape.Add(field + ".options", Syscall.mount_setattr, tree, "", options.IsRecursiveReadOnly ? EmptyPathRecursive : EmptyPath,
                MountAttributes(new MountAttributes(options.Set, options.Clear, 0)), MountAttributesSize);
    }

    private void MoveTo(Step tree, string destination, bool isDirectory, string field)
    {
        var target = root.OpenOrMake(field + ".destination", destination, isDirectory);
        tape.Add(field + ".destination", Syscall.move_mount, tree, "", target, "", MoveByDescriptors);
    }
}
