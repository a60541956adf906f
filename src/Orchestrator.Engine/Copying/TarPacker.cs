using System.Formats.Tar;
using Microsoft.Win32.SafeHandles;
using Orchestrator.Linux;

namespace Orchestrator.Engine.Copying;

/// <summary>Writes trees of a container into a tar, entry by entry through descriptors.</summary>
internal sealed class TarPacker(TarWriter tar, CancellationToken cancellation)
{
    /// <param name="parent">The directory that the name is in.</param>
    /// <param name="path">The entry's name in the tar.</param>
    /// <exception cref="LinuxException">Nothing is there.</exception>
    public async Task AddAsync(SafeFileHandle parent, string name, string path)
    {
        var status = FileSystem.Status(name, Number(parent)) ?? throw new LinuxException(Errno.ENOENT, $"open {name}");
        switch (status.Kind)
        {
            case FileKind.Directory:
                using (var directory = FileSystem.OpenInRoot(parent, name, OpenFlags.ReadOnly | OpenFlags.Directory | OpenFlags.NoFollow))
                    await AddDirectoryAsync(directory, path);
                break;
            case FileKind.Regular:
                using (var file = FileSystem.OpenInRoot(parent, name, OpenFlags.ReadOnly | OpenFlags.NoFollow | OpenFlags.NonBlocking))
                    await AddFileAsync(file, path);
                break;
            case FileKind.SymbolicLink:
                await WriteAsync(TarEntryType.SymbolicLink, path, status, e => e.LinkName = new FileInfo(Descriptor(parent, name)).LinkTarget ?? "");
                break;
            case FileKind.Fifo:
                await WriteAsync(TarEntryType.Fifo, path, status, _ => { });
                break;
            case FileKind.CharacterDevice or FileKind.BlockDevice:
                await WriteAsync(status.Kind == FileKind.BlockDevice ? TarEntryType.BlockDevice : TarEntryType.CharacterDevice, path, status, e =>
                {
                    e.DeviceMajor = (int)((status.DeviceOfNode >> 8) & 0xfff);
                    e.DeviceMinor = (int)(status.DeviceOfNode & 0xff);
                });
                break;
            default:
                // A socket is nothing without its program.
                break;
        }
    }

    /// <param name="opened">By path only; it is closed.</param>
    public async Task AddOpenedAsync(SafeFileHandle opened, string path)
    {
        using (opened)
        {
            // Again for reading: the descriptor is of this very file, whatever lies at its name by now.
            var isDirectory = FileSystem.Status(opened).Kind == FileKind.Directory;
            using var readable = FileSystem.Open($"/proc/self/fd/{Number(opened)}", OpenFlags.ReadOnly | OpenFlags.NonBlocking | (isDirectory ? OpenFlags.Directory : 0));
            await (isDirectory ? AddDirectoryAsync(readable, path) : AddFileAsync(readable, path));
        }
    }

    public async Task AddDirectoryAsync(SafeFileHandle directory, string path)
    {
        await WriteAsync(TarEntryType.Directory, path, FileSystem.Status(directory), _ => { });
        var names = Directory.EnumerateFileSystemEntries(Descriptor(directory, "")).Select(n => Path.GetFileName(n)).Order(StringComparer.Ordinal).ToList();
        foreach (var name in names)
            if (FileSystem.Status(name, Number(directory)) is not null)
                await AddAsync(directory, name, $"{path}/{name}");
    }

    private async Task AddFileAsync(SafeFileHandle file, string path)
    {
        var status = FileSystem.Status(file);
        if (status.Kind != FileKind.Regular)
            return;
        await using var content = new FileStream(file, FileAccess.Read, 0);
        await WriteAsync(TarEntryType.RegularFile, path, status, e => e.DataStream = content);
    }

    private Task WriteAsync(TarEntryType type, string path, FileStatus status, Action<PaxTarEntry> fill)
    {
        var entry = new PaxTarEntry(type, path)
        {
            Mode = (UnixFileMode)(status.Permissions & 0xfff),
            Uid = (int)status.Uid,
            Gid = (int)status.Gid,
            ModificationTime = DateTimeOffset.FromUnixTimeSeconds(Math.Max(0, status.ModifiedSeconds)).AddTicks(status.ModifiedNanoseconds / 100),
        };
        fill(entry);
        return tar.WriteEntryAsync(entry, cancellation);
    }

    private static int Number(SafeFileHandle handle) => (int)handle.DangerousGetHandle();

    private static string Descriptor(SafeFileHandle directory, string name) => $"/proc/self/fd/{Number(directory)}/{name}";
}
