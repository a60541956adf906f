using Orchestrator.Linux;
using Orchestrator.Linux.Cgroups;

namespace Orchestrator.Runtime.Supervision;

/// <summary>Supervisors live beside the containers' groups, outside the agent's: what ends the agent's group does not end them.</summary>
internal static class SupervisorGroup
{
    private const string Name = "supervisors";

    public static Cgroup Beside(CgroupLayout layout, string containerPath) => new(layout, $"{Parent(containerPath)}/{Name}");

    /// <summary>Removes the shared groups when they hold nothing any more.</summary>
    public static void RemoveIfUnused(string containerPath)
    {
        var layout = CgroupLayout.Read();
        var parent = Parent(containerPath);
        foreach (var path in (string[])[$"{parent}/{Name}", parent])
        {
            foreach (var hierarchy in layout.All.Where(_ => path.Length > 0))
                RemoveIfEmpty(hierarchy.Directory(path));
        }
    }

    private static string Parent(string containerPath) => Path.GetDirectoryName(containerPath)!.TrimEnd('/');

    private static void RemoveIfEmpty(string directory)
    {
        try
        {
            FileSystem.Remove(directory, directoryNode: true);
        }
        catch (LinuxException e) when (e.Errno is Errno.EBUSY or Errno.ENOTEMPTY)
        {
        }
    }
}
