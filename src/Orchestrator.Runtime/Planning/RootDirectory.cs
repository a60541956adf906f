using Orchestrator.Linux;
using Orchestrator.Linux.Tapes;
using Orchestrator.Oci.Runtime;
using static Orchestrator.Runtime.Planning.KernelArguments;

namespace Orchestrator.Runtime.Planning;

/// <summary>Steps that walk and make paths below the container's root. The image may have put any link anywhere: no step follows one out.</summary>
internal sealed class RootDirectory(Tape tape, Step root)
{
    public Step Descriptor { get; } = root;

    public Step Open(string field, string path, OpenFlags flags, uint mode = 0, bool throughLinks = true) =>
        tape.Add(field, Syscall.openat2, Descriptor, Relative(path), InRoot(flags, mode, throughLinks ? 0 : ResolveFlags.NoSymlinks), OpenHowSize);

    /// <summary>Mounts a detached tree.</summary>
    /// <param name="onLinks">False refuses a path that has links in it.</param>
    public void Attach(Argument tree, string path, bool isDirectory, string field, bool onLinks = true)
    {
        var place = OpenOrMake(field + ".destination", path, isDirectory, onLinks);
        tape.Add(field + ".destination", Syscall.move_mount, tree, "", place, "", MoveByDescriptors);
    }

    /// <summary>Opens a place to mount on; makes it, with its parents, when it is missing.</summary>
    public Step OpenOrMake(string field, string path, bool isDirectory, bool throughLinks = true)
    {
        var names = Names(field, path);
        var flags = PathOnly | (isDirectory ? OpenFlags.Directory : 0);
        var first = Open(field, path, flags, 0, throughLinks);
        if (names.Length == 0)
            return first;
        first.OnError(tape.End, Errno.ENOENT);
        MakeDirectories(field, isDirectory ? names : names[..^1]);
        if (isDirectory)
            Open(field, path, flags, 0, throughLinks).ResultOf = first;
        else
            MakeFile(field, path, names, first);
        first.Next = tape.End;
        return first;
    }

    // mkdirat never follows a final link, and each parent is opened inside the root.
    private void MakeDirectories(string field, string[] names)
    {
        for (var i = 0; i < names.Length; i++)
            tape.Add(field, Syscall.mkdirat, OpenParent(field, names[..i]), names[i], Argument.Octal(0x1ED)).Tolerate(Errno.EEXIST);
    }

    // The image may have laid a link to nowhere here, as distributions do with resolv.conf: what it names is made, or else the link itself is the place.
    private void MakeFile(string field, string path, string[] names, Step place)
    {
        var made = Open(field, path, OpenFlags.Create, mode: 0x1A4);
        made.ResultOf = place;
        made.OnError(tape.End, Errno.ENOENT);
        tape.Add(field, Syscall.openat, OpenParent(field, names[..^1]), names[^1], Argument.Flags(PathOnly | OpenFlags.NoFollow), 0).ResultOf = place;
        made.Next = tape.End;
    }

    private Step OpenParent(string field, string[] names) =>
        names.Length == 0 ? Descriptor : Open(field, string.Join('/', names), PathOnly | OpenFlags.Directory);

    private static string Relative(string path) => path.Trim('/') is { Length: > 0 } relative ? relative : ".";

    private static string[] Names(string field, string path)
    {
        var names = path.Split('/', StringSplitOptions.RemoveEmptyEntries).Where(n => n != ".").ToArray();
        return names.Contains("..")
            ? throw new RuntimeConfigException(field, $"\"{path}\" has a \"..\" in it; accepted: an absolute path without")
            : names;
    }
}
