using Orchestrator.Engine.Containers;
using Orchestrator.Engine.Images;
using Orchestrator.Engine.Volumes;
using Orchestrator.Linux;

namespace Orchestrator.Engine.Copying;

public enum FileChangeKind
{
    Modified,
    Added,
    Deleted,
}

public sealed record FileChange(FileChangeKind Kind, string Path);

/// <summary>What a container changed in its image's files, read off its writable layer.</summary>
public static class ContainerChanges
{
    /// <param name="bundle">The container's directory.</param>
    public static IReadOnlyList<FileChange> Of(string bundle, StoredImage image)
    {
        var changes = new List<FileChange>();
        Walk(System.IO.Path.Combine(bundle, Bundle.UpperDirectory), "", new LayerView(image.LayerDirectories), changes);
        return changes;
    }

    private static void Walk(string directory, string path, LayerView image, List<FileChange> changes)
    {
        if (!Directory.Exists(directory))
            return;
        foreach (var file in Directory.EnumerateFileSystemEntries(directory).Order(StringComparer.Ordinal))
        {
            var inside = $"{path}/{System.IO.Path.GetFileName(file)}";
            if (FileSystem.Status(file) is not { } status)
                continue;
            changes.Add(new FileChange(Kind(status, inside, image), inside));
            if (status.Kind != FileKind.Directory)
                continue;
            if (ExtendedAttributes.Get(file, "trusted.overlay.opaque") is [(byte)'y'])
                changes.AddRange(image.Children(inside).Where(c => !System.IO.Path.Exists(System.IO.Path.Combine(file, c.Name))).Select(c => new FileChange(FileChangeKind.Deleted, $"{inside}/{c.Name}")));
            Walk(file, inside, image, changes);
        }
    }

    private static FileChangeKind Kind(FileStatus status, string path, LayerView image)
    {
        // Overlayfs marks what is gone by a device that nobody has.
        if (status is { Kind: FileKind.CharacterDevice, DeviceOfNode: 0 })
            return FileChangeKind.Deleted;
        return image.Has(path) ? FileChangeKind.Modified : FileChangeKind.Added;
    }
}
