using Orchestrator.Runtime.Planning;

namespace Orchestrator.Runtime.Containers;

/// <summary>Which groups a command joins: the container's, or groups inside it.</summary>
internal static class ExecGroups
{
    /// <summary>Reads <c>--cgroup PATH</c> and <c>--cgroup CONTROLLER[,CONTROLLER...]:PATH</c>, both below the container's group.</summary>
    public static LaunchFacts Enter(ContainerRecord record, Arguments arguments, LaunchFacts facts)
    {
        var paths = new Dictionary<string, string>();
        var all = record.CgroupPath;
        foreach (var value in arguments.Values("--cgroup"))
        {
            var parts = value.Split(':', 2);
            var path = Below(record.CgroupPath, parts[^1]);
            if (parts.Length == 1)
                all = path;
            else
                foreach (var controller in parts[0].Split(','))
                    paths[controller] = facts.Cgroups.Find(controller) is { IsUnified: false } ? path
                        : throw new UsageException($"--cgroup: there is no controller {controller} of cgroup version 1 here");
        }
        var missing = facts.Cgroups.All.Select(h => h.Directory(all)).Concat(paths.Select(p => facts.Cgroups.Find(p.Key)!.Value.Hierarchy.Directory(p.Value)));
        return missing.FirstOrDefault(d => !Directory.Exists(d)) is { } directory
            ? throw new RefusedException($"the cgroup {directory} does not exist")
            : facts with { CgroupPath = all, CgroupPaths = paths };
    }

    /// <summary>Where the process is in version 2's hierarchy; null when it is gone.</summary>
    public static string? UnifiedPathOf(int pid)
    {
        try
        {
            return File.ReadLines($"/proc/{pid}/cgroup").FirstOrDefault(l => l.StartsWith("0::", StringComparison.Ordinal))?[3..];
        }
        catch (IOException)
        {
            return null;
        }
    }

    private static string Below(string group, string path)
    {
        var full = Path.GetFullPath(group + "/" + path.Trim('/')).TrimEnd('/');
        return full == group || full.StartsWith(group + "/", StringComparison.Ordinal) ? full
            : throw new UsageException($"--cgroup: \"{path}\" is not below the container's group");
    }
}
