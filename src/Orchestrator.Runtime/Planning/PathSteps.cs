using Orchestrator.Linux;
using Orchestrator.Linux.Tapes;
using static Orchestrator.Runtime.Planning.KernelArguments;

namespace Orchestrator.Runtime.Planning;

/// <summary>What of the kernel's own files a container may not see, may not change, or has changed for it.</summary>
internal sealed class PathSteps(Tape tape, RootDirectory root)
{
    /// <summary>A directory is hidden below an empty one, a file below /dev/null; what does not exist needs no hiding.</summary>
    public void Mask(IReadOnlyList<string> paths)
    {
        if (paths.Count == 0)
            return;
        var nothing = tape.Add("linux.maskedPaths", Syscall.openat, HereDirectory, "/dev/null", Argument.Flags(PathOnly), 0);
        for (var i = 0; i < paths.Count; i++)
            Mask(paths[i], nothing, $"linux.maskedPaths[{i}]");
    }

    public void MakeReadOnly(IReadOnlyList<string> paths)
    {
        for (var i = 0; i < paths.Count; i++)
        {
            var field = $"linux.readonlyPaths[{i}]";
            var place = root.Open(field, paths[i], PathOnly);
            var tree = tape.Add(field, Syscall.open_tree, place, "", OpenTree(recursive: true, emptyPath: true));
            tape.Add(field, Syscall.mount_setattr, tree, "", EmptyPathRecursive,
                MountAttributes(new MountAttributes(MountAttributeFlags.ReadOnly, 0, 0)), MountAttributesSize);
            tape.Add(field, Syscall.move_mount, tree, "", place, "", MoveByDescriptors);
            place.OnError(tape.End, Errno.ENOENT, Errno.ENOTDIR);
        }
    }

    private void Mask(string path, Step nothing, string field)
    {
        var directory = root.Open(field, path, PathOnly | OpenFlags.Directory);
        var context = tape.Add(field, Syscall.fsopen, "tmpfs", CloseOnExec1);
        tape.Add(field, Syscall.fsconfig, context, Create, Argument.Null, Argument.Null, 0);
        var empty = tape.Add(field, Syscall.fsmount, context, CloseOnExec1, Argument.Named((long)MountAttributeFlags.ReadOnly, "ReadOnly"));
        var hidden = tape.Add(field, Syscall.move_mount, empty, "", directory, "", MoveByDescriptors);
        directory.OnError(tape.End, Errno.ENOTDIR);
        var file = root.Open(field, path, PathOnly);
        var tree = tape.Add(field, Syscall.open_tree, nothing, "", OpenTree(recursive: false, emptyPath: true));
        tape.Add(field, Syscall.move_mount, tree, "", file, "", MoveByDescriptors);
        directory.OnError(tape.End, Errno.ENOENT);
        hidden.Next = tape.End;
    }
}
