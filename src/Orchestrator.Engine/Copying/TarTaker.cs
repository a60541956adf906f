using System.Formats.Tar;
using Microsoft.Win32.SafeHandles;
using Orchestrator.Engine.Containers;
using Orchestrator.Linux;

namespace Orchestrator.Engine.Copying;

/// <summary>Takes the entries of a tar into a directory of a container.</summary>
/// <param name="name">What the first entry, and with it all below, is called here; null: its own name.</param>
/// <param name="keepOwners">Otherwise all belongs to root.</param>
internal sealed class TarTaker(SafeFileHandle directory, string? name, bool keepOwners)
{
    private const uint NewDirectory = 0x1ed;

    public async Task TakeAsync(Stream tar, CancellationToken cancellation)
    {
        await using var reader = new TarReader(tar, leaveOpen: true);
        try
        {
            while (await reader.GetNextEntryAsync(copyData: false, cancellation) is { } entry)
                await TakeAsync(entry, cancellation);
        }
        catch (Exception e) when (e is InvalidDataException or EndOfStreamException)
        {
            throw new ContainerException($"what came is no tar: {e.Message}", e);
        }
        await DrainAsync(tar, cancellation);
    }

    private async Task TakeAsync(TarEntry entry, CancellationToken cancellation)
    {
        var parts = Renamed(Parts(entry.Name));
        if (parts.Length == 0)
            return;
        using var parent = FileSystem.OpenInRoot(directory, parts.Length == 1 ? "." : string.Join('/', parts[..^1]), OpenFlags.ReadOnly | OpenFlags.Directory);
        var last = parts[^1];
        switch (entry.EntryType)
        {
            case TarEntryType.Directory:
                TakeDirectory(parent, last, entry);
                break;
            case TarEntryType.RegularFile or TarEntryType.V7RegularFile or TarEntryType.ContiguousFile:
                await TakeFileAsync(parent, last, entry, cancellation);
                break;
            case TarEntryType.SymbolicLink:
                Clear(parent, last);
                FileSystem.MakeSymbolicLink(entry.LinkName, last, Number(parent));
                Own(parent, last, entry);
                break;
            case TarEntryType.HardLink:
                TakeHardLink(parent, last, entry);
                break;
            case TarEntryType.Fifo:
                Clear(parent, last);
                FileSystem.MakeNode(last, FileKind.Fifo, (uint)entry.Mode, directory: Number(parent));
                Own(parent, last, entry);
                break;
            case TarEntryType.GlobalExtendedAttributes:
                break;
            default:
                throw new ContainerException($"entry \"{entry.Name}\" is a {entry.EntryType}; files, directories and links can be copied");
        }
    }

    private void TakeDirectory(SafeFileHandle parent, string last, TarEntry entry)
    {
        if (FileSystem.Status(last, Number(parent)) is { Kind: FileKind.Directory })
            return;
        Clear(parent, last);
        FileSystem.MakeDirectory(last, NewDirectory, Number(parent));
        using var made = FileSystem.OpenInRoot(parent, last, OpenFlags.ReadOnly | OpenFlags.Directory | OpenFlags.NoFollow);
        Own(made, entry);
    }

    private async Task TakeFileAsync(SafeFileHandle parent, string last, TarEntry entry, CancellationToken cancellation)
    {
        if (FileSystem.Status(last, Number(parent)) is { Kind: FileKind.Directory })
            throw new ContainerException($"\"{last}\" is a directory in the container and a file in what is copied");
        Clear(parent, last);
        using var file = FileSystem.OpenInRoot(parent, last, OpenFlags.WriteOnly | OpenFlags.Create | OpenFlags.Exclusive | OpenFlags.NoFollow, 0x180);
        await using (var content = new FileStream(new SafeFileHandle(file.DangerousGetHandle(), ownsHandle: false), FileAccess.Write, 0))
            if (entry.DataStream is { } data)
                await data.CopyToAsync(content, cancellation);
        Own(file, entry);
        FileSystem.SetTimes(last, entry.ModificationTime.ToUnixTimeSeconds(), 0, Number(parent));
    }

    private void TakeHardLink(SafeFileHandle parent, string last, TarEntry entry)
    {
        var target = Renamed(Parts(entry.LinkName));
        if (target.Length == 0)
            throw new ContainerException($"entry \"{entry.Name}\" links to nothing");
        using var from = FileSystem.OpenInRoot(directory, target.Length == 1 ? "." : string.Join('/', target[..^1]), OpenFlags.ReadOnly | OpenFlags.Directory);
        Clear(parent, last);
        FileSystem.MakeHardLink(target[^1], last, Number(from), Number(parent));
    }

    // Owner first: changing it takes set-id bits away. By descriptor: a name could be made a link meanwhile.
    private void Own(SafeFileHandle made, TarEntry entry)
    {
        FileSystem.ChangeOwner(made, keepOwners ? (uint)entry.Uid : 0, keepOwners ? (uint)entry.Gid : 0);
        File.SetUnixFileMode(made, entry.Mode);
    }

    private void Own(SafeFileHandle parent, string last, TarEntry entry) =>
        FileSystem.ChangeOwner(last, keepOwners ? (uint)entry.Uid : 0, keepOwners ? (uint)entry.Gid : 0, Number(parent));

    private static void Clear(SafeFileHandle parent, string last)
    {
        if (FileSystem.Status(last, Number(parent)) is { Kind: not FileKind.Directory })
            FileSystem.Remove(last, directory: Number(parent));
    }

    private string[] Renamed(string[] parts) => name is null || parts.Length == 0 ? parts.Length == 0 && name is not null ? [name] : parts : [name, .. parts[1..]];

    private static string[] Parts(string path)
    {
        var parts = path.Split('/', StringSplitOptions.RemoveEmptyEntries).Where(p => p != ".").ToArray();
        return parts.Contains("..") ? throw new ContainerException($"entry \"{path}\" leads out of the directory") : parts;
    }

    // A sender that writes on after the end must not be left hanging.
    private static Task DrainAsync(Stream tar, CancellationToken cancellation) => tar.CopyToAsync(Stream.Null, cancellation);

    private static int Number(SafeFileHandle handle) => (int)handle.DangerousGetHandle();
}
