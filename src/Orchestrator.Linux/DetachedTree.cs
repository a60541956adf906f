using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Orchestrator.Linux;

/// <summary>Copies of mounts that are not attached anywhere: whoever has the descriptor can attach them.</summary>
public static unsafe class DetachedTree
{
    private const int OpenTree = 428, SetAttributes = 442, Here = -100, EmptyPath = 0x1000, Recursive = 0x8000, Clone = 1, CloseOnExec = 0x80000;
    private const int AttributesSize = 32;
    private const ulong MapIds = 0x100000;

    public static SafeFileHandle Open(string path, bool recursive)
    {
        fixed (byte* p = Libc.Z(path))
            return new SafeFileHandle((int)Libc.Check(Libc.syscall(OpenTree, Here, (nint)p, Clone | CloseOnExec | (recursive ? Recursive : 0), 0, 0, 0), $"open_tree {path}"), true);
    }

    /// <summary>Shows the files' owners through the map of a user namespace. Needs the rights of the file system's owner.</summary>
    public static void Map(SafeHandle tree, SafeHandle userNamespace, bool recursive)
    {
        var attributes = stackalloc ulong[4] { MapIds, 0, 0, (ulong)userNamespace.DangerousGetHandle() };
        fixed (byte* empty = Libc.Z(""))
            Libc.Check(Libc.syscall(SetAttributes, tree.DangerousGetHandle(), (nint)empty, EmptyPath | (recursive ? Recursive : 0), (nint)attributes, AttributesSize, 0), "map ids of a mount");
    }
}
