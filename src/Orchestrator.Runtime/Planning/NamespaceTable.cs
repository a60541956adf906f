using Orchestrator.Linux;
using Orchestrator.Oci.Runtime;

namespace Orchestrator.Runtime.Planning;

/// <summary>linux.namespaces: which are new, which are entered, and which stay the host's because they are not listed.</summary>
internal static class NamespaceTable
{
    public static NamespaceKinds Kind(NamespaceConfig ns, int index) => ns.Type switch
    {
        "mount" => NamespaceKinds.Mount,
        "uts" => NamespaceKinds.Uts,
        "ipc" => NamespaceKinds.Ipc,
        "pid" => NamespaceKinds.Pid,
        "network" => NamespaceKinds.Network,
        "cgroup" => NamespaceKinds.Cgroup,
        "time" => NamespaceKinds.Time,
        _ => throw new RuntimeConfigException($"linux.namespaces[{index}].type", $"\"{ns.Type}\" is not supported; accepted: mount, uts, ipc, pid, network, cgroup, time"),
    };

    public static IEnumerable<(NamespaceKinds Kind, string? Path, string Field)> Read(LinuxConfig config)
    {
        for (var i = 0; i < config.Namespaces.Count; i++)
            yield return (Kind(config.Namespaces[i], i), config.Namespaces[i].Path is { Length: > 0 } path ? path : null, $"linux.namespaces[{i}]");
    }
}
