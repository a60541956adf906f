using System.Formats.Tar;
using Microsoft.Win32.SafeHandles;
using Orchestrator.Engine.Containers;
using Orchestrator.Engine.Images;
using Orchestrator.Linux;

namespace Orchestrator.Engine.Copying;

/// <summary>
/// Copies files out of a container and into it as tar streams. The container may be hostile and busy meanwhile: every step goes by
/// descriptors below its root, so no link of its leads out, whenever it is made.
/// </summary>
public sealed class ContainerFiles : IDisposable
{
    private readonly SafeFileHandle _root;
    private readonly IReadOnlyList<(string Target, string Source, string Subpath)> _mounts;

    private ContainerFiles(SafeFileHandle root, IReadOnlyList<(string Target, string Source, string Subpath)> mounts) => (_root, _mounts) = (root, mounts);

    /// <param name="mounts">Of volumes and directories, which a container that does not run has not mounted.</param>
    /// <exception cref="ContainerException">Its files cannot be opened.</exception>
    public static ContainerFiles Open(Container container, StoredImage image, IEnumerable<(string Target, string Source, string Subpath)> mounts)
    {
        var runs = container.State == ContainerState.Running && !container.Ended.IsCompleted;
        return new ContainerFiles(ContainerRoot.Open(container, image), runs ? [] : [.. mounts.OrderByDescending(m => m.Target.Length)]);
    }

    /// <summary>Writes a tar whose first entry is what is at the path, under its own name; "." for what is in a directory ("DIR/.").</summary>
    /// <param name="followLink">What a link at the path leads to, instead of the link.</param>
    /// <exception cref="ContainerException">Nothing is there.</exception>
    public async Task PackAsync(string path, bool followLink, Stream output, CancellationToken cancellation)
    {
        await using var tar = new TarWriter(output, TarEntryFormat.Pax, leaveOpen: true);
        var contents = IsContents(path);
        var (directory, rest) = Locate(path);
        try
        {
            using (directory)
            using (var parent = contents || rest.Length == 0 ? OpenDirectory(directory, rest) : OpenDirectory(directory, Parent(rest)))
            {
                var packer = new TarPacker(tar, cancellation);
                if (contents || rest.Length == 0)
                    await packer.AddDirectoryAsync(parent, ".");
                else if (followLink && FileSystem.Status(Last(rest), (int)parent.DangerousGetHandle())?.Kind == FileKind.SymbolicLink)
                    await packer.AddOpenedAsync(FileSystem.OpenInRoot(directory, rest, OpenFlags.Path), Last(rest));
                else
                    await packer.AddAsync(parent, Last(rest), Last(rest));
            }
        }
        catch (LinuxException e)
        {
            throw new ContainerException($"{path}: {e.Message}", e);
        }
    }

    /// <summary>Takes a tar into the directory at the path; where there is none, what its first entry is gets the path's own name.</summary>
    /// <param name="keepOwners">Otherwise all belongs to root.</param>
    /// <exception cref="ContainerException">There is neither the path nor the directory around it, or the tar leads out.</exception>
    public async Task UnpackAsync(string path, Stream tar, bool keepOwners, CancellationToken cancellation)
    {
        var (directory, rest) = Locate(path);
        try
        {
            using (directory)
            {
                using var existing = TryOpenDirectory(directory, rest);
                if (existing is not null)
                    await new TarTaker(existing, null, keepOwners).TakeAsync(tar, cancellation);
                else if (path.EndsWith('/'))
                    throw new ContainerException($"{path}: there is no such directory in the container");
                else
                {
                    using var parent = OpenDirectory(directory, Parent(rest));
                    await new TarTaker(parent, Last(rest), keepOwners).TakeAsync(tar, cancellation);
                }
            }
        }
        catch (LinuxException e)
        {
            throw new ContainerException($"{path}: {e.Message}", e);
        }
    }

    public void Dispose() => _root.Dispose();

    /// <summary>The directory below which the path is, and the path in it: a volume of a container that does not run is not below its root.</summary>
    private (SafeFileHandle Directory, string Path) Locate(string path)
    {
        var clean = Clean(path);
        foreach (var (target, source, subpath) in _mounts)
        {
            var at = Clean(target);
            if (clean == at || clean.StartsWith(at + "/", StringComparison.Ordinal))
                return (OpenSource(source, subpath), clean[at.Length..].TrimStart('/'));
        }
        return (FileSystem.OpenInRoot(_root, ".", OpenFlags.Path | OpenFlags.Directory), clean);
    }

    private static SafeFileHandle OpenSource(string source, string subpath)
    {
        var opened = FileSystem.Open(source, OpenFlags.Path);
        if (subpath.Length == 0)
            return opened;
        using (opened)
            return FileSystem.OpenInRoot(opened, subpath, OpenFlags.Path);
    }

    private static SafeFileHandle OpenDirectory(SafeFileHandle root, string path) =>
        FileSystem.OpenInRoot(root, path.Length == 0 ? "." : path, OpenFlags.ReadOnly | OpenFlags.Directory);

    private static SafeFileHandle? TryOpenDirectory(SafeFileHandle root, string path)
    {
        try
        {
            return OpenDirectory(root, path);
        }
        catch (LinuxException e) when (e.Errno is Errno.ENOENT or Errno.ENOTDIR)
        {
            return null;
        }
    }

    private static bool IsContents(string path) => path.EndsWith("/.", StringComparison.Ordinal) || path == ".";

    // ".." is taken here as text, as a shell's user means it.
    private static string Clean(string path)
    {
        var parts = new List<string>();
        foreach (var part in path.Split('/', StringSplitOptions.RemoveEmptyEntries))
        {
            if (part == "..")
                parts.RemoveRange(Math.Max(0, parts.Count - 1), Math.Min(1, parts.Count));
            else if (part != ".")
                parts.Add(part);
        }
        return string.Join('/', parts);
    }

    private static string Parent(string path) => path.LastIndexOf('/') is >= 0 and var slash ? path[..slash] : "";

    private static string Last(string path) => path[(path.LastIndexOf('/') + 1)..];
}
