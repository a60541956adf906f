using Orchestrator.Linux;
using Orchestrator.Oci.Runtime;

namespace Orchestrator.Runtime.Planning;

/// <summary>What the parent writes to a child's uid_map and gid_map, because the child may not.</summary>
public sealed record UserMaps(IReadOnlyList<IdMapping> Uids, IReadOnlyList<IdMapping> Gids)
{
    /// <summary>Null without a new user namespace.</summary>
    /// <exception cref="RuntimeConfigException">Maps and namespace do not go together.</exception>
    public static UserMaps? Read(LinuxConfig config, NamespaceTable namespaces)
    {
        var isNew = namespaces.IsNew(NamespaceKinds.User);
        foreach (var (maps, field) in new[] { (config.UidMappings, "linux.uidMappings"), (config.GidMappings, "linux.gidMappings") })
        {
            if (isNew && maps.Count == 0)
                throw new RuntimeConfigException(field, "is missing, so that nobody could be root in the new user namespace; accepted: one mapping or more");
            if (maps.Count > 0 && !namespaces.Has(NamespaceKinds.User))
                throw new RuntimeConfigException(field, "needs a user namespace; accepted: only with {\"type\": \"user\"} in linux.namespaces");
        }
        return isNew ? new UserMaps(config.UidMappings, config.GidMappings) : null;
    }

    /// <summary>As the kernel's files take them.</summary>
    public static string Text(IEnumerable<IdMapping> maps) => string.Concat(maps.Select(m => $"{m.ContainerId} {m.HostId} {m.Size}\n"));

    public override string ToString() => Line("uid_map", Uids, "linux.uidMappings") + Line("gid_map", Gids, "linux.gidMappings");

    private static string Line(string file, IReadOnlyList<IdMapping> maps, string field) =>
        $"      {file} = {Text(maps).TrimEnd('\n').Replace("\n", ", ", StringComparison.Ordinal)}  # {field}\n";
}
