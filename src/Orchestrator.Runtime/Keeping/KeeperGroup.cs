using Orchestrator.Linux.Cgroups;

namespace Orchestrator.Runtime.Keeping;

/// <summary>The keeper's own cgroup, beside the containers' and outside the agent's: what ends the agent's group does not end the keeper.</summary>
internal sealed class KeeperGroup(CgroupLayout layout, string parent)
{
    private const string Name = "keeper";

    private readonly string _parent = "/" + parent.Trim('/');

    public Cgroup Group { get; } = new(layout, $"/{parent.Trim('/')}/{Name}");

    public CgroupLayout Layout => layout;

    /// <summary>Leaves the group and removes it, and the containers' with it when no container is left there. For a keeper that ends.</summary>
    public void Leave()
    {
        foreach (var hierarchy in layout.All)
        {
            try
            {
                // To the top, which is always there.
                File.WriteAllText(hierarchy.MountPoint + "/cgroup.procs", "0");
                // The kernel takes a process out of its group a moment after its end: the last launcher.
                for (var attempt = 0; attempt < 50 && !Cgroup.TryRemove(hierarchy.Directory(Group.Path)); attempt++)
                    Thread.Sleep(2);
                Cgroup.TryRemove(hierarchy.Directory(_parent));
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                // A delegated hierarchy may not let go; its owner removes it.
            }
        }
    }

    /// <summary>Removes the group that containers share when the last is gone; one that somebody else made, perhaps with limits, stays.</summary>
    public static void RemoveShared(CgroupLayout layout, string containerPath)
    {
        var parent = Path.GetDirectoryName(containerPath)!.TrimEnd('/');
        if (parent.Length == 0)
            return;
        foreach (var directory in layout.All.Select(h => h.Directory(parent)))
        {
            if (Cgroup.WasMadeOnTheWay(directory))
                Cgroup.TryRemove(directory);
        }
    }
}
