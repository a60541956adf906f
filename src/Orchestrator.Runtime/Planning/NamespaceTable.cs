using Orchestrator.Linux;
using Orchestrator.Oci.Runtime;

namespace Orchestrator.Runtime.Planning;

/// <summary>One entry of linux.namespaces.</summary>
/// <param name="Path">The namespace to enter; null makes a new one.</param>
public sealed record NamespaceUse(NamespaceKinds Kind, string? Path, string Field);

/// <summary>linux.namespaces: which are new, which are entered, and which stay the host's because they are not listed.</summary>
public sealed class NamespaceTable
{
    private NamespaceTable(IReadOnlyList<NamespaceUse> uses) => Uses = uses;

    public IReadOnlyList<NamespaceUse> Uses { get; }

    public IEnumerable<NamespaceUse> Joined => Uses.Where(u => u.Path is not null);

    public NamespaceKinds New => Uses.Where(u => u.Path is null).Aggregate(NamespaceKinds.None, (all, u) => all | u.Kind);

    public NamespaceKinds All => Uses.Aggregate(NamespaceKinds.None, (all, u) => all | u.Kind);

    /// <exception cref="RuntimeConfigException">An unknown type, or one that is listed twice.</exception>
    public static NamespaceTable Read(LinuxConfig config)
    {
        var uses = new List<NamespaceUse>();
        for (var i = 0; i < config.Namespaces.Count; i++)
        {
            var (ns, field) = (config.Namespaces[i], $"linux.namespaces[{i}]");
            var kind = Kind(ns.Type, field);
            if (uses.Any(u => u.Kind == kind))
                throw new RuntimeConfigException(field + ".type", $"\"{ns.Type}\" is listed twice; accepted: each type once");
            uses.Add(new NamespaceUse(kind, ns.Path is { Length: > 0 } path ? path : null, field));
        }
        return new NamespaceTable(uses);
    }

    public bool Has(NamespaceKinds kind) => All.HasFlag(kind);

    public bool IsNew(NamespaceKinds kind) => New.HasFlag(kind);

    public string Field(NamespaceKinds kind) => Uses.First(u => u.Kind == kind).Field;

    private static NamespaceKinds Kind(string type, string field) => type switch
    {
        "mount" => NamespaceKinds.Mount,
        "uts" => NamespaceKinds.Uts,
        "ipc" => NamespaceKinds.Ipc,
        "pid" => NamespaceKinds.Pid,
        "network" => NamespaceKinds.Network,
        "cgroup" => NamespaceKinds.Cgroup,
        "time" => NamespaceKinds.Time,
        "user" => NamespaceKinds.User,
        _ => throw new RuntimeConfigException(field + ".type", $"\"{type}\" is unknown; accepted: mount, uts, ipc, pid, network, cgroup, time, user"),
    };
}
