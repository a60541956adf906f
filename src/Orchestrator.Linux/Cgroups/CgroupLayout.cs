namespace Orchestrator.Linux.Cgroups;

/// <param name="Controllers">As mounted: <c>memory</c>, <c>cpu</c>, or <c>name=systemd</c> for one that only groups.</param>
public sealed record CgroupHierarchy(string MountPoint, IReadOnlyList<string> Controllers)
{
    public string Directory(string path) => MountPoint + path;
}

/// <summary>How this machine mounts its cgroups: version 1, version 2, or both (hybrid).</summary>
/// <param name="V1">The version 1 hierarchies.</param>
/// <param name="Unified">The version 2 hierarchy, if there is one.</param>
public sealed record CgroupLayout(IReadOnlyList<CgroupHierarchy> V1, CgroupHierarchy? Unified)
{
    private static readonly string[] s_v1Controllers =
        ["blkio", "cpu", "cpuacct", "cpuset", "devices", "freezer", "hugetlb", "memory", "net_cls", "net_prio", "perf_event", "pids", "rdma", "misc"];

    public IEnumerable<CgroupHierarchy> All => Unified is null ? V1 : V1.Append(Unified);

    public static CgroupLayout Read()
    {
        // What is mounted over is still listed, and out of reach.
        var mounts = Mounts.OfFileSystem("cgroup").Where(m => m.FileSystem != "cgroup2" || FileSystem.Exists(m.Path + "/cgroup.controllers")).ToList();
        var unified = mounts.FirstOrDefault(m => m.FileSystem == "cgroup2");
        return Parse(mounts, unified is null ? "" : FileSystem.ReadText(unified.Path + "/cgroup.controllers"));
    }

    public static CgroupLayout Parse(IEnumerable<MountPoint> mounts, string unifiedControllers)
    {
        var all = mounts.ToList();
        var v1 = all.Where(m => m.FileSystem == "cgroup").DistinctBy(m => m.SuperOptions)
            .Select(m => new CgroupHierarchy(m.Path, [.. m.SuperOptions.Split(',').Where(IsController)]))
            .Where(h => h.Controllers.Count > 0);
        var unified = all.FirstOrDefault(m => m.FileSystem == "cgroup2");
        return new CgroupLayout([.. v1], unified is null ? null
            : new CgroupHierarchy(unified.Path, unifiedControllers.Split((char[])[' ', '\n'], StringSplitOptions.RemoveEmptyEntries)));
    }

    /// <summary>The hierarchy that has the controller, and whether it is of version 2; null when none has.</summary>
    public (CgroupHierarchy Hierarchy, bool IsUnified)? Find(string controller) =>
        V1.FirstOrDefault(h => h.Controllers.Contains(controller)) is { } v1 ? (v1, false)
        : Unified?.Controllers.Contains(controller) == true ? (Unified, true)
        : null;

    private static bool IsController(string option) =>
        s_v1Controllers.Contains(option) || option.StartsWith("name=", StringComparison.Ordinal);
}
