using System.Diagnostics;
using Orchestrator.Linux;

namespace Orchestrator.Engine.Volumes;

/// <summary>Whole directories.</summary>
public static class FileTree
{
    /// <summary>Copies a directory of an image with owners and modes; an empty directory where the image has none.</summary>
    public static void CopyDirectory(LayerView image, string imagePath, string target)
    {
        Directory.CreateDirectory(target);
        if (image.Find(imagePath) is not { } source || FileSystem.Status(source) is not { Kind: FileKind.Directory } status)
            return;
        foreach (var (name, file) in image.Children(imagePath))
            Copy(image, $"{imagePath}/{name}", file, Path.Combine(target, name));
        Own(target, status);
    }

    /// <summary>What the files of a directory take on the disk.</summary>
    public static long SizeBytes(string directory) => !Directory.Exists(directory) ? 0
        : Directory.EnumerateFiles(directory, "*", new EnumerationOptions { RecurseSubdirectories = true, AttributesToSkip = FileAttributes.ReparsePoint, IgnoreInaccessible = true })
            .Sum(f => (long)(FileSystem.Status(f)?.Size ?? 0));

    /// <summary>Nothing there is no error.</summary>
    public static void Delete(string directory)
    {
        if (!Directory.Exists(directory))
            return;
        try
        {
            Directory.Delete(directory, recursive: true);
        }
        catch (IOException)
        {
            // A container may make names that are not UTF-8, which .NET cannot delete.
            using var remove = Process.Start("rm", ["-rf", "--", directory]);
            remove.WaitForExit();
        }
    }

    private static void Copy(LayerView image, string imagePath, string file, string target)
    {
        var status = FileSystem.Status(file)!.Value;
        switch (status.Kind)
        {
            case FileKind.Directory:
                CopyDirectory(image, imagePath, target);
                break;
            case FileKind.SymbolicLink:
                FileSystem.MakeSymbolicLink(new FileInfo(file).LinkTarget!, target);
                FileSystem.ChangeOwner(target, status.Uid, status.Gid);
                break;
            case FileKind.Regular:
                File.Copy(file, target);
                Own(target, status);
                break;
            default:
                FileSystem.MakeNode(target, status.Kind, status.Permissions, status.DeviceOfNode);
                Own(target, status);
                break;
        }
    }

    // Owner first: changing it takes set-id bits away.
    private static void Own(string target, FileStatus status)
    {
        FileSystem.ChangeOwner(target, status.Uid, status.Gid);
        FileSystem.ChangeMode(target, status.Permissions);
    }
}
