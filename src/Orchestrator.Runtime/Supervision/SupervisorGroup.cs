using System.Globalization;
using Microsoft.Win32.SafeHandles;
using Orchestrator.Linux;
using Orchestrator.Linux.Cgroups;

namespace Orchestrator.Runtime.Supervision;

/// <summary>Supervisors live beside the containers' groups, outside the agent's: what ends the agent's group does not end them.</summary>
internal static class SupervisorGroup
{
    private const string Name = "supervisors";
    private const int EmptyAttempts = 50, EmptyPauseMs = 2;

    public static Cgroup Beside(CgroupLayout layout, string containerPath) => new(layout, $"{Parent(containerPath)}/{Name}");

    /// <summary>Makes the group, and keeps others from removing it until the handle is disposed: by then the supervisor is in it.</summary>
    public static SafeFileHandle CreateAndHold(CgroupLayout layout, Cgroup group)
    {
        while (true)
        {
            group.Create();
            var parent = LockDirectory(layout, Parent(group.Path));
            if (!Directory.Exists(parent))
                continue;
            var hold = FileSystem.Open(parent, OpenFlags.ReadOnly | OpenFlags.Directory);
            FileSystem.LockShared(hold);
            // Between making and locking, both may have been removed: then the lock is that of a directory that is gone.
            if (group.Directories.All(Directory.Exists) && FileSystem.Status(parent)?.Inode == FileSystem.Status(hold).Inode)
                return hold;
            hold.Dispose();
        }
    }

    /// <summary>Removes the shared groups when they hold nothing any more and nobody is about to use them.</summary>
    public static void RemoveIfUnused(string containerPath)
    {
        var layout = CgroupLayout.Read();
        var parent = Parent(containerPath);
        if (parent.Length == 0 || !Directory.Exists(LockDirectory(layout, parent)))
            return;
        try
        {
            using var hold = FileSystem.Open(LockDirectory(layout, parent), OpenFlags.ReadOnly | OpenFlags.Directory);
            if (!FileSystem.TryLock(hold))
                return;
            foreach (var directory in layout.All.SelectMany(h => new[] { h.Directory($"{parent}/{Name}"), h.Directory(parent) }))
                RemoveIfEmpty(directory);
        }
        catch (LinuxException e) when (e.Errno is Errno.ENOENT or Errno.ENODEV)
        {
            // Another's deletion was faster.
        }
    }

    private static string LockDirectory(CgroupLayout layout, string parent) => layout.All.First().Directory(parent);

    private static string Parent(string containerPath) => Path.GetDirectoryName(containerPath)!.TrimEnd('/');

    // The kernel takes a process out of its group a moment after it has reported it dead.
    private static void RemoveIfEmpty(string directory)
    {
        for (var attempt = 0; attempt < EmptyAttempts && IsEmpty(directory); attempt++)
        {
            try
            {
                FileSystem.Remove(directory, directoryNode: true);
                return;
            }
            catch (LinuxException e) when (e.Errno is Errno.EBUSY or Errno.ENOTEMPTY)
            {
                Thread.Sleep(EmptyPauseMs);
            }
        }
    }

    private static bool IsEmpty(string directory) =>
        Directory.Exists(directory) && !Directory.EnumerateDirectories(directory).Any()
        && !File.ReadLines(directory + "/cgroup.procs").Any(pid => Processes.StartTime(int.Parse(pid, CultureInfo.InvariantCulture)) is not null);
}
