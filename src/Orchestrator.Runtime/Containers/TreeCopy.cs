using Microsoft.Win32.SafeHandles;
using Orchestrator.Linux;

namespace Orchestrator.Runtime.Containers;

/// <summary>Copies a directory's content into another: kinds, owners, permissions, times. No link is followed, on either side.</summary>
internal static class TreeCopy
{
    /// <summary>The target gets the source's own owner and permissions too.</summary>
    public static void Run(SafeFileHandle source, SafeFileHandle target)
    {
        var status = FileSystem.Status(source);
        foreach (var entry in new DirectoryInfo(Path(source)).EnumerateFileSystemInfos())
            Copy(source, target, entry);
        // By name: the descriptor of a new mount is no open file.
        FileSystem.ChangeOwner(".", status.Uid, status.Gid, target.Number());
        FileSystem.ChangeMode(".", status.Permissions, target.Number());
    }

    private static void Copy(SafeFileHandle source, SafeFileHandle target, FileSystemInfo entry)
    {
        var name = entry.Name;
        if (FileSystem.Status(name, source.Number()) is not { } status)
            return;
        switch (status.Kind)
        {
            case FileKind.SymbolicLink:
                FileSystem.MakeSymbolicLink(entry.LinkTarget!, name, target.Number());
                FileSystem.ChangeOwner(name, status.Uid, status.Gid, target.Number());
                return;
            case FileKind.Directory:
                CopyDirectory(source, target, name);
                break;
            case FileKind.Regular:
                CopyFile(source, target, name);
                FileSystem.ChangeOwner(name, status.Uid, status.Gid, target.Number());
                FileSystem.ChangeMode(name, status.Permissions, target.Number());
                break;
            case FileKind.Socket:
                return;
            default:
                FileSystem.MakeNode(name, status.Kind, status.Permissions, status.DeviceOfNode, target.Number());
                FileSystem.ChangeOwner(name, status.Uid, status.Gid, target.Number());
                FileSystem.ChangeMode(name, status.Permissions, target.Number());
                break;
        }
        FileSystem.SetTimes(name, status.ModifiedSeconds, status.ModifiedNanoseconds, target.Number());
    }

    private static void CopyDirectory(SafeFileHandle source, SafeFileHandle target, string name)
    {
        FileSystem.MakeDirectory(name, 0x1C0, target.Number());
        using var from = Open(source, name, OpenFlags.ReadOnly | OpenFlags.Directory);
        using var to = Open(target, name, OpenFlags.ReadOnly | OpenFlags.Directory);
        Run(from, to);
    }

    private static void CopyFile(SafeFileHandle source, SafeFileHandle target, string name)
    {
        using var from = new FileStream(Open(source, name, OpenFlags.ReadOnly), FileAccess.Read);
        using var to = new FileStream(Open(target, name, OpenFlags.WriteOnly | OpenFlags.Create | OpenFlags.Exclusive), FileAccess.Write);
        from.CopyTo(to);
    }

    private static SafeFileHandle Open(SafeFileHandle directory, string name, OpenFlags flags) =>
        FileSystem.OpenInRoot(directory, name, flags | OpenFlags.NoFollow, flags.HasFlag(OpenFlags.Create) ? 0x180u : 0, ResolveFlags.Beneath | ResolveFlags.NoSymlinks);

    private static string Path(SafeFileHandle directory) => $"/proc/self/fd/{directory.Number()}";
}
