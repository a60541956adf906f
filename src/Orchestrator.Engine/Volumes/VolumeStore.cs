using System.Collections.Concurrent;
using System.Text.RegularExpressions;
using Orchestrator.Engine.Containers;
using Orchestrator.Linux;

namespace Orchestrator.Engine.Volumes;

/// <summary>Named directories that outlive containers, at ROOT/NAME/_data.</summary>
public sealed partial class VolumeStore(string root)
{
    private readonly ConcurrentDictionary<string, Lock> _locks = new(StringComparer.Ordinal);

    public IReadOnlyList<string> Names =>
        Directory.Exists(root) ? [.. Directory.EnumerateDirectories(root).Select(d => Path.GetFileName(d)).Where(n => NamePattern().IsMatch(n))] : [];

    public string PathOf(string name) => Path.Combine(root, name, "_data");

    /// <summary>Makes the volume unless it is there, with what the image has at the path: files, owners and modes.</summary>
    /// <returns>The volume's directory.</returns>
    /// <param name="anonymous">It is noted as made for one container alone.</param>
    /// <exception cref="ContainerException">The name is not one that a volume can have.</exception>
    public string Ensure(string name, LayerView image, string imagePath, bool anonymous = false)
    {
        CheckName(name);
        lock (_locks.GetOrAdd(name, _ => new Lock()))
        {
            if (!Directory.Exists(PathOf(name)))
                Create(name, new VolumeInfo(Now, new Dictionary<string, string>(), anonymous), data => FileTree.CopyDirectory(image, imagePath, data));
            else if (VolumeInfo.Load(DirectoryOf(name)) is { Unfilled: true } info)
                Fill(name, info, image, imagePath);
        }
        return PathOf(name);
    }

    /// <summary>Makes an empty volume, which the first container that mounts it fills.</summary>
    /// <returns>False when it was there.</returns>
    /// <exception cref="ContainerException">The name is not one that a volume can have.</exception>
    public bool Create(string name, IReadOnlyDictionary<string, string> labels, bool anonymous = false)
    {
        CheckName(name);
        lock (_locks.GetOrAdd(name, _ => new Lock()))
        {
            if (Directory.Exists(PathOf(name)))
                return false;
            Create(name, new VolumeInfo(Now, labels, anonymous, Unfilled: true), data => Directory.CreateDirectory(data));
            return true;
        }
    }

    /// <summary>Null when there is none.</summary>
    public VolumeInfo? Find(string name) => NamePattern().IsMatch(name) && Directory.Exists(PathOf(name)) ? VolumeInfo.Load(DirectoryOf(name)) : null;

    /// <summary>The directory in a volume that a mount shows. What is in the volume may be hostile: links cannot lead out of it.</summary>
    /// <exception cref="ContainerException">The volume has no such directory.</exception>
    public string Subdirectory(string name, string subpath)
    {
        if (subpath.Length == 0)
            return PathOf(name);
        try
        {
            using var data = FileSystem.Open(PathOf(name), OpenFlags.Path | OpenFlags.Directory);
            using var found = FileSystem.OpenInRoot(data, subpath, OpenFlags.Path);
            return new FileInfo($"/proc/self/fd/{found.DangerousGetHandle()}").LinkTarget!;
        }
        catch (LinuxException e)
        {
            throw new ContainerException($"volume \"{name}\": subpath \"{subpath}\" cannot be used: {e.Message}", e);
        }
    }

    public void Remove(string name) => FileTree.Delete(DirectoryOf(name));

    private static long Now => DateTimeOffset.UtcNow.ToUnixTimeMilliseconds();

    private string DirectoryOf(string name) => Path.Combine(root, name);

    // Filled aside and renamed, so that a volume is never there half filled.
    private void Create(string name, VolumeInfo info, Action<string> fill)
    {
        var unfinished = Path.Combine(root, $".{name}.new");
        FileTree.Delete(unfinished);
        Directory.CreateDirectory(unfinished);
        fill(Path.Combine(unfinished, "_data"));
        info.Save(unfinished);
        Directory.Move(unfinished, DirectoryOf(name));
    }

    private void Fill(string name, VolumeInfo info, LayerView image, string imagePath)
    {
        if (!Directory.EnumerateFileSystemEntries(PathOf(name)).Any())
            FileTree.CopyDirectory(image, imagePath, PathOf(name));
        (info with { Unfilled = false }).Save(DirectoryOf(name));
    }

    private static void CheckName(string name)
    {
        if (!NamePattern().IsMatch(name))
            throw new ContainerException($"volume \"{name}\": a name is letters, digits, _ . and -, up to 255, and starts with a letter or digit");
    }

    [GeneratedRegex(@"^[A-Za-z0-9][A-Za-z0-9_.-]{0,254}\z")]
    private static partial Regex NamePattern();
}
