using System.Buffers.Text;
using System.Globalization;

namespace Orchestrator.Linux.Cgroups;

/// <summary>One control group, under the same path in every hierarchy.</summary>
/// <param name="layout">Where the hierarchies are.</param>
/// <param name="path">Absolute within the hierarchies, as in <c>/orchestrator/web.1</c>.</param>
public sealed class Cgroup(CgroupLayout layout, string path)
{
    // An attribute of a group's directory that was made on the way to another.
    private const string MadeAttribute = "trusted.orchestrator";

    public string Path { get; } = path;

    public IEnumerable<string> Directories => layout.All.Select(h => h.Directory(Path));

    /// <summary>Makes the group and its parents, with version 2's controllers switched on for it.</summary>
    public void Create()
    {
        foreach (var hierarchy in layout.All)
            RetryWhenParentVanishes(() => Create(hierarchy));
    }

    /// <summary>The path of a file of the group; the controller decides the hierarchy, <c>cgroup</c> the unified one. Null when no hierarchy has the controller.</summary>
    public string? FilePath(string controller, string file) => DirectoryOf(controller) is { } directory ? $"{directory}/{file}" : null;

    /// <summary>The group's directory in the hierarchy of the controller; <c>cgroup</c> stands for the unified one.</summary>
    public string? DirectoryOf(string controller) =>
        controller == "cgroup" ? layout.Unified?.Directory(Path) : layout.Find(controller)?.Hierarchy.Directory(Path);

    /// <summary>Removes the group and those that were made inside it. False when processes are still in it. Nothing there is no error.</summary>
    public bool Remove() => Directories.Aggregate(true, (removed, directory) => RemoveTree(directory) && removed);

    /// <summary>True for a group that was made on the way to another: it may go when it is empty. One that somebody else made, perhaps with limits, stays.</summary>
    public static bool WasMadeOnTheWay(string directory) => ExtendedAttributes.Has(directory, MadeAttribute);

    public void KillAll()
    {
        if (layout.Unified is { } unified && File.Exists(unified.Directory(Path) + "/cgroup.kill"))
            File.WriteAllText(unified.Directory(Path) + "/cgroup.kill", "1");
        SignalAll(Signals.Kill);
    }

    /// <summary>Signals every process of the group and of those inside it.</summary>
    public void SignalAll(int signal)
    {
        foreach (var pid in Processes())
            Send(pid, signal);
    }

    public IReadOnlySet<int> Processes() => Directories.Where(Directory.Exists)
        .SelectMany(d => Directory.EnumerateDirectories(d, "*", SearchOption.AllDirectories).Prepend(d))
        .SelectMany(d => ReadLines(d + "/cgroup.procs")).Select(l => int.Parse(l, CultureInfo.InvariantCulture)).ToHashSet();

    /// <summary>Whether processes are in the group itself. Every process is in all hierarchies, so one is asked.</summary>
    public bool HasProcesses()
    {
        Span<byte> some = stackalloc byte[16];
        return FileSystem.ReadBeginning(Directories.First() + "/cgroup.procs", some) > 0;
    }

    /// <summary>How often the kernel has killed a process of the group for want of memory.</summary>
    public long OomKills()
    {
        if (layout.Find("memory") is not { } found)
            return 0;
        var file = found.Hierarchy.Directory(Path) + (found.IsUnified ? "/memory.events" : "/memory.oom_control");
        Span<byte> buffer = stackalloc byte[512];
        ReadOnlySpan<byte> text = buffer[..FileSystem.ReadBeginning(file, buffer)];
        var at = text.IndexOf("oom_kill "u8);
        return at >= 0 && Utf8Parser.TryParse(text[(at + 9)..], out long kills, out _) ? kills : 0;
    }

    private void Create(CgroupHierarchy hierarchy)
    {
        if (!IsNewInReadyParent(hierarchy))
            CreateWithParents(hierarchy);
    }

    /// <summary>The common case of a container: only its own group is missing. False when more is to be done.</summary>
    private bool IsNewInReadyParent(CgroupHierarchy hierarchy)
    {
        if (ReferenceEquals(hierarchy, layout.Unified) && hierarchy.Controllers.Any(IsDelegated))
            return false;
        var (parent, directory) = (hierarchy.Directory(System.IO.Path.GetDirectoryName(Path)!), hierarchy.Directory(Path));
        return TryMake(directory, Errno.ENOENT, Errno.EEXIST) && (!hierarchy.Controllers.Contains("cpuset") || InheritCpuset(parent, directory));
    }

    private void CreateWithParents(CgroupHierarchy hierarchy)
    {
        var isUnified = ReferenceEquals(hierarchy, layout.Unified);
        var directory = hierarchy.MountPoint;
        foreach (var name in Path.Split('/', StringSplitOptions.RemoveEmptyEntries))
        {
            if (isUnified && hierarchy.Controllers.Any(IsDelegated))
                EnableControllers(directory, hierarchy.Controllers);
            var parent = directory;
            directory += "/" + name;
            if (TryMake(directory, Errno.EEXIST) && !directory.EndsWith(Path, StringComparison.Ordinal))
                Mark(directory);
            // Also for a directory that was there: another may have made it a moment ago and not come to this yet.
            if (!isUnified && hierarchy.Controllers.Contains("cpuset"))
                InheritCpuset(parent, directory);
        }
    }

    private static bool TryMake(string directory, params ReadOnlySpan<int> ordinary)
    {
        var errno = FileSystem.TryMakeDirectory(directory, 0x1ED);
        return errno == 0 || (ordinary.Contains(errno) ? false : throw new LinuxException(errno, $"mkdir {directory}"));
    }

    // In a user namespace nobody may: then the group stays behind, empty.
    private static void Mark(string directory)
    {
        try
        {
            ExtendedAttributes.Set(directory, MadeAttribute, "made"u8);
        }
        catch (LinuxException)
        {
        }
    }

    private static bool IsDelegated(string controller) => controller is "cpu" or "cpuset" or "io" or "memory" or "pids" or "hugetlb" or "rdma";

    // A controller that cannot be switched on (threaded domains, real-time tasks) matters only when a limit needs it: that write fails and says so.
    private static void EnableControllers(string directory, IReadOnlyList<string> controllers)
    {
        var enabled = File.ReadAllText(directory + "/cgroup.subtree_control").Split((char[])[' ', '\n']);
        foreach (var controller in controllers.Except(enabled).Where(IsDelegated))
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

    // Version 1 gives a new cpuset no cpus, and a process cannot join it then. False when the parent has none either.
    private static bool InheritCpuset(string parent, string directory) =>
        InheritCpuset(parent, directory, "/cpuset.cpus") & InheritCpuset(parent, directory, "/cpuset.mems");

    private static bool InheritCpuset(string parent, string directory, string file)
    {
        if (!string.IsNullOrWhiteSpace(FileSystem.ReadText(directory + file)))
            return true;
        var inherited = FileSystem.ReadText(parent + file);
        if (string.IsNullOrWhiteSpace(inherited))
            return false;
        FileSystem.WriteText(directory + file, inherited);
        return true;
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

    /// <summary>Removes an empty group's directory, or finds it gone. False when it is in use.</summary>
    public static bool TryRemove(string directory)
    {
        var errno = FileSystem.TryRemoveDirectory(directory);
        return errno is 0 or Errno.ENOENT || (errno is Errno.EBUSY or Errno.ENOTEMPTY ? false : throw new LinuxException(errno, $"remove {directory}"));
    }

    private static void Send(int pid, int signal)
    {
        try
        {
            using var pidFd = Linux.Processes.OpenPidFd(pid);
            Linux.Processes.Signal(pidFd, signal);
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
