using Orchestrator.Linux;
using Orchestrator.Linux.Cgroups;
using Orchestrator.Linux.Tapes;
using Orchestrator.Oci.Runtime;
using static Orchestrator.Runtime.Planning.KernelArguments;

namespace Orchestrator.Runtime.Planning;

/// <summary>The container's own groups: version 2's directory itself, or one directory for each of version 1's hierarchies.</summary>
internal sealed class CgroupMountSteps(Tape tape, LaunchFacts facts)
{
    public void Add(RootDirectory root, MountConfig mount, MountOptions options, string field)
    {
        var hierarchies = facts.Cgroups.V1;
        if (hierarchies.Count == 0 || mount.Type == "cgroup2")
        {
            if (facts.Cgroups.Unified is { } unified)
                Bind(root, unified, mount.Destination, options, field);
            return;
        }
        var directory = mount with { Type = "tmpfs", Source = "tmpfs", Options = [.. mount.Options.Except(["ro", "rro"]), "mode=755"] };
        root.Attach(MountSteps.Fresh(tape, directory, MountOptions.Parse(directory, field), field), mount.Destination, true, field);
        foreach (var hierarchy in hierarchies)
            Bind(root, hierarchy, $"{mount.Destination}/{Path.GetFileName(hierarchy.MountPoint)}", options, field);
        var top = root.Open(field, mount.Destination, PathOnly);
        foreach (var (controller, name) in hierarchies.SelectMany(h => h.Controllers.Select(c => (c, Path.GetFileName(h.MountPoint)))))
        {
            if (controller != name && !controller.StartsWith("name=", StringComparison.Ordinal))
                tape.Add(field, Syscall.symlinkat, name, top, controller).Tolerate(Errno.EEXIST);
        }
        if (options.Change.With(options.RecursiveChange).Set.HasFlag(MountAttributeFlags.ReadOnly))
            tape.Add(field, Syscall.mount_setattr, top, "", EmptyPath, MountAttributes(new MountAttributes(MountAttributeFlags.ReadOnly, 0, 0)), MountAttributesSize);
    }

    private void Bind(RootDirectory root, CgroupHierarchy hierarchy, string destination, MountOptions options, string field)
    {
        var tree = tape.Add(field, Syscall.open_tree, HereDirectory, hierarchy.Directory(facts.CgroupPath), OpenTree(recursive: false));
        MountSteps.SetAttributes(tape, tree, options, field);
        root.Attach(tree, destination, true, field);
    }
}
