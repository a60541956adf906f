using System.Globalization;

namespace Orchestrator.Linux.Cgroups;

/// <summary>One control group, under the same path in every hierarchy.</summary>
/// <param name="layout">Where the hierarchies are.</param>
/// <param name="path">Absolute within the hierarchies, as in <c>/orchestrator/web.1</c>.</param>
public sealed class Cgroup(CgroupLayout layout, string path)
{
    public string Path { get; } = path;

    public IEnumerable<string> Directories => layout.All.Select(h => h.Directory(Path));

    /// <summary>Makes the group and its parents, with version 2's controllers switched on for it.</summary>
    public void Create()
    {
        foreach (var hierarchy in layout.All)
            RetryWhenParentVanishes(() => Create(hierarchy));
    }

    /// <summary>The path of a file of the group; the controller decides the hierarchy. Null when no hierarchy has the controller.</summary>
    public string? FilePath(string controller, string file) =>
        layout.Find(controller) is { } found ? $"{found.Hierarchy.Directory(Path)}/{file}" : null;

    /// <summary>Removes the group and those that were made inside it. False when processes are still in it. Nothing there is no error.</summary>
    public bool Remove() => Directories.Aggregate(true, (removed, directory) => RemoveTree(directory) && removed);

    public void KillAll()
    {
        if (layout.Unified is { } unified && File.Exists(unified.Directory(Path) + "/cgroup.kill"))
            File.WriteAllText(unified.Directory(Path) + "/cgroup.kill", "1");
        foreach (var pid in Processes())
            Kill(pid);
    }

    public IReadOnlySet<int> Processes() => Directories.Where(Directory.Exists)
        .SelectMany(d => Directory.EnumerateDirectories(d, "*", SearchOption.AllDirectories).Prepend(d))
        .SelectMany(d => ReadLines(d + "/cgroup.procs")).Select(l => int.Parse(l, CultureInfo.InvariantCulture)).ToHashSet();

    /// <summary>Whether processes are in the group itself. Every process is in all hierarchies, so one is asked.</summary>
    public bool HasProcesses() => ReadLines(Directories.First() + "/cgroup.procs").Length > 0;

    /// <summary>How often the kernel has killed a process of the group for want of memory.</summary>
    public long OomKills()
    {
        if (layout.Find("memory") is not { } found)
            return 0;
        var file = found.Hierarchy.Directory(Path) + (found.IsUnified ? "/memory.events" : "/memory.oom_control");
        var line = ReadLines(file).FirstOrDefault(l => l.StartsWith("oom_kill ", StringComparison.Ordinal));
        return line is null ? 0 : long.Parse(line.AsSpan(9), CultureInfo.InvariantCulture);
    }

    private void Create(CgroupHierarchy hierarchy)
    {
        var isUnified = ReferenceEquals(hierarchy, layout.Unified);
        var directory = hierarchy.MountPoint;
        foreach (var name in Path.Split('/', StringSplitOptions.RemoveEmptyEntries))
        {
            if (isUnified && hierarchy.Controllers.Count > 0)
                EnableControllers(directory, hierarchy.Controllers);
            var parent = directory;
            directory += "/" + name;
            Directory.CreateDirectory(directory);
            // Also for a directory that was there: another may have made it a moment ago and not come to this yet.
            if (!isUnified && hierarchy.Controllers.Contains("cpuset"))
                InheritCpuset(parent, directory);
        }
    }

    // A controller that cannot be switched on (threaded domains, real-time tasks) matters only when a limit needs it: that write fails and says so.
    private static void EnableControllers(string directory, IReadOnlyList<string> controllers)
    {
        var enabled = File.ReadAllText(directory + "/cgroup.subtree_control").Split((char[])[' ', '\n']);
        foreach (var controller in controllers.Except(enabled).Where(c => c is "cpu" or "cpuset" or "io" or "memory" or "pids"))
        {
            try
            {
                File.WriteAllText(directory + "/cgroup.subtree_control", "+" + controller);
            }
            catch (IOException)
            {
            }
        }
    }

    // Version 1 gives a new cpuset no cpus, and a process cannot join it then.
    private static void InheritCpuset(string parent, string directory)
    {
        foreach (var file in (string[])["/cpuset.cpus", "/cpuset.mems"])
        {
            if (string.IsNullOrWhiteSpace(File.ReadAllText(directory + file)))
                File.WriteAllText(directory + file, File.ReadAllText(parent + file));
        }
    }

    // Another runtime may remove a shared, empty parent between our two mkdirs.
    private static void RetryWhenParentVanishes(Action create)
    {
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                create();
                return;
            }
            catch (IOException) when (attempt < 5)
            {
            }
        }
    }

    private static bool RemoveTree(string directory)
    {
        if (TryRemove(directory))
            return true;
        foreach (var child in Directory.EnumerateDirectories(directory))
            RemoveTree(child);
        return TryRemove(directory);
    }

    private static bool TryRemove(string directory)
    {
        try
        {
            FileSystem.Remove(directory, directoryNode: true);
            return true;
        }
        catch (LinuxException e) when (e.Errno is Errno.EBUSY or Errno.ENOTEMPTY)
        {
            return false;
        }
    }

    private static void Kill(int pid)
    {
        try
        {
            using var pidFd = Linux.Processes.OpenPidFd(pid);
            Linux.Processes.Signal(pidFd, Signals.Kill);
        }
        catch (LinuxException e) when (e.Errno == Errno.ESRCH)
        {
        }
    }

    private static string[] ReadLines(string file)
    {
        try
        {
            return File.ReadAllLines(file);
        }
        catch (IOException)
        {
            return [];
        }
    }
}
