using System.Buffers.Binary;
using System.Runtime.InteropServices;
using Orchestrator.Linux;
using Orchestrator.Linux.Tapes;

namespace Orchestrator.Runtime.Planning;

/// <summary>The numbers and structs of syscalls, with the names under which a plan prints them.</summary>
internal static class KernelArguments
{
    public static readonly Argument HereDirectory = Argument.Named(FileSystem.CurrentDirectory, "AT_FDCWD");
    public static readonly Argument EmptyPath = Argument.Named(0x1000, "AT_EMPTY_PATH");
    public static readonly Argument EmptyPathRecursive = Argument.Named(0x1000 | 0x8000, "AT_EMPTY_PATH|AT_RECURSIVE");
    public static readonly Argument MoveByDescriptors = Argument.Named(0x4 | 0x40, "F_EMPTY_PATH|T_EMPTY_PATH");
    public static readonly Argument CloseOnExec1 = Argument.Named(1, "CLOEXEC");
    public static readonly Argument CloseOnExec = Argument.Named(0x80000, "CLOEXEC");
    public static readonly Argument SetFlag = Argument.Named(0, "SET_FLAG");
    public static readonly Argument SetString = Argument.Named(1, "SET_STRING");
    public static readonly Argument Create = Argument.Named(6, "CMD_CREATE");
    public static readonly Argument Reconfigure = Argument.Named(7, "CMD_RECONFIGURE");
    public const int OpenHowSize = 24, MountAttributesSize = 32;

    public const OpenFlags PathOnly = OpenFlags.Path | OpenFlags.CloseOnExec;

    /// <summary>struct open_how: nothing leads out of the root, magic links of /proc lead nowhere.</summary>
    public static Argument InRoot(OpenFlags flags, uint mode = 0, ResolveFlags further = 0)
    {
        var bytes = new byte[OpenHowSize];
        BinaryPrimitives.WriteUInt64LittleEndian(bytes, (ulong)(flags | OpenFlags.CloseOnExec));
        BinaryPrimitives.WriteUInt64LittleEndian(bytes.AsSpan(8), mode);
        BinaryPrimitives.WriteUInt64LittleEndian(bytes.AsSpan(16), (ulong)(ResolveFlags.InRoot | ResolveFlags.NoMagicLinks | further));
        return Argument.Of(bytes, () => $"{{{flags}, in root{(further == 0 ? "" : $", {further}")}}}");
    }

    /// <summary>struct mount_attr.</summary>
    public static Argument MountAttributes(MountAttributes attributes)
    {
        var bytes = new byte[MountAttributesSize];
        BinaryPrimitives.WriteUInt64LittleEndian(bytes, (ulong)attributes.Set);
        BinaryPrimitives.WriteUInt64LittleEndian(bytes.AsSpan(8), (ulong)attributes.Clear);
        BinaryPrimitives.WriteUInt64LittleEndian(bytes.AsSpan(16), (ulong)attributes.Propagation);
        return Argument.Of(bytes, () => $"{{set {attributes.Set}, clear {attributes.Clear}, propagation {attributes.Propagation}}}");
    }

    public static Argument OpenTree(bool recursive, bool emptyPath = false) => Argument.Named(
        1 | 0x80000 | (recursive ? 0x8000 : 0) | (emptyPath ? 0x1000 : 0),
        "CLONE|CLOEXEC" + (recursive ? "|AT_RECURSIVE" : "") + (emptyPath ? "|AT_EMPTY_PATH" : ""));

    public static Argument Words(params ReadOnlySpan<uint> words)
    {
        var bytes = new byte[words.Length * sizeof(uint)];
        for (var i = 0; i < words.Length; i++)
            BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(i * sizeof(uint)), words[i]);
        return Argument.Of(bytes, () => "{" + string.Join(", ", MemoryMarshal.Cast<byte, uint>(bytes).ToArray()) + "}");
    }

    public static Argument Longs(params ReadOnlySpan<ulong> words)
    {
        var bytes = new byte[words.Length * sizeof(ulong)];
        for (var i = 0; i < words.Length; i++)
            BinaryPrimitives.WriteUInt64LittleEndian(bytes.AsSpan(i * sizeof(ulong)), words[i]);
        return Argument.Of(bytes, () => "{" + string.Join(", ", MemoryMarshal.Cast<byte, ulong>(bytes).ToArray()) + "}");
    }
}

[Flags]
internal enum MountAttributeFlags : ulong
{
    None = 0,
    ReadOnly = 1,
    NoSetId = 2,
    NoDevices = 4,
    NoExecute = 8,
    NoAccessTime = 0x10,
    StrictAccessTime = 0x20,
    AllAccessTime = 0x70,
    NoDirectoryAccessTime = 0x80,
    NoSymbolicFollow = 0x200000,
}

internal sealed record MountAttributes(MountAttributeFlags Set, MountAttributeFlags Clear, MountFlags Propagation);
