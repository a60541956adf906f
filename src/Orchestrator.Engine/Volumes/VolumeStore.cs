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
    /// <exception cref="ContainerException">The name is not one that a volume can have.</exception>
    public string Ensure(string name, LayerView image, string imagePath)
    {
        if (!NamePattern().IsMatch(name))
            throw new ContainerException($"volume \"{name}\": a name is letters, digits, _ . and -, up to 255, and starts with a letter or digit");
        lock (_locks.GetOrAdd(name, _ => new Lock()))
        {
            if (!Directory.Exists(PathOf(name)))
                Create(name, image, imagePath);
        }
        return PathOf(name);
    }

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

    public void Remove(string name) => FileTree.Delete(Path.Combine(root, name));

    // Filled aside and renamed, so that a volume is never there half filled.
    private void Create(string name, LayerView image, string imagePath)
    {
        var unfinished = Path.Combine(root, $".{name}.new");
        FileTree.Delete(unfinished);
        Directory.CreateDirectory(unfinished);
        FileTree.CopyDirectory(image, imagePath, Path.Combine(unfinished, "_data"));
        Directory.Move(unfinished, Path.Combine(root, name));
    }

    [GeneratedRegex(@"^[A-Za-z0-9][A-Za-z0-9_.-]{0,254}\z")]
    private static partial Regex NamePattern();
}
