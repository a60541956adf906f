using Microsoft.Win32.SafeHandles;
using Orchestrator.Engine.Containers;
using Orchestrator.Engine.Images;
using Orchestrator.Linux;

namespace Orchestrator.Engine.Copying;

/// <summary>The root directory of a container as a descriptor: of one that runs with all its mounts, of another its overlay, which nothing on the machine is left of.</summary>
internal static class ContainerRoot
{
    /// <summary>A page, which mount(2) takes, without its last byte.</summary>
    private const int OptionsMax = 4095;

    /// <exception cref="ContainerException">It cannot be opened.</exception>
    public static SafeFileHandle Open(Container container, StoredImage image)
    {
        try
        {
            return container is { State: ContainerState.Running, Record.Process: { } process } && !container.Ended.IsCompleted
                ? OpenRootOf(container, process)
                : OpenOverlay(Path.GetDirectoryName(container.LogPath)!, image);
        }
        catch (LinuxException e)
        {
            throw new ContainerException($"the files of container {container.Id} cannot be opened: {e.Message}", e);
        }
    }

    // Its pid may have become another's until it was opened.
    private static SafeFileHandle OpenRootOf(Container container, ProcessMark process)
    {
        var root = FileSystem.Open($"/proc/{process.Pid}/root", OpenFlags.Path | OpenFlags.Directory);
        using var alive = Processes.Find(process.Pid, process.StartTime);
        if (alive is not null)
            return root;
        root.Dispose();
        throw new ContainerException($"container {container.Id} has just ended");
    }

    // Mounted, opened, and taken off again at once: the descriptor holds it.
    private static SafeFileHandle OpenOverlay(string bundle, StoredImage image)
    {
        var target = Path.Combine(bundle, Bundle.RootDirectory);
        var options = $"lowerdir={string.Join(':', image.LayerDirectories.Select(Escape))},upperdir={Escape(Path.Combine(bundle, Bundle.UpperDirectory))},workdir={Escape(Path.Combine(bundle, Bundle.WorkDirectory))}";
        if (options.Length > OptionsMax)
            throw new ContainerException($"the image's {image.LayerDirectories.Count} layers are too many to be looked at while the container does not run; start it first");
        Mounts.Mount("overlay", target, "overlay", MountFlags.None, options);
        try
        {
            return FileSystem.Open(target, OpenFlags.Path | OpenFlags.Directory);
        }
        finally
        {
            Mounts.Unmount(target);
        }
    }

    private static string Escape(string path) => path
        .Replace("\\", "\\\\", StringComparison.Ordinal).Replace(":", "\\:", StringComparison.Ordinal).Replace(",", "\\,", StringComparison.Ordinal);
}
