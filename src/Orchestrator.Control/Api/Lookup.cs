using Orchestrator.Model;

namespace Orchestrator.Control.Api;

/// <summary>Finds what people name. Every failure is a refusal that says what would be accepted.</summary>
internal static class Lookup
{
    /// <summary>"stack/name", "stack_name", or a name that only one stack has.</summary>
    public static Service Service(ClusterState state, string name)
    {
        var found = state.Services.Values.Where(s => Is(s, name)).ToList();
        return found switch
        {
            [var only] => only,
            [] => throw Refusals.NotFound($"no service '{name}': expected stack/name, or a name that only one stack has; there are: {Names(state)}"),
            _ => throw Refusals.Precondition($"service '{name}' is in several stacks: say {string.Join(" or ", found.Select(FullName))}"),
        };
    }

    /// <summary>Null when the name is no service's.</summary>
    public static Service? TryService(ClusterState state, string name) =>
        state.Services.Values.Any(s => Is(s, name)) ? Service(state, name) : null;

    /// <summary>An id, a beginning of an id that only one replica has, or "service.slot" (the newest replica of that slot).</summary>
    public static Replica Replica(ClusterState state, string name)
    {
        if (state.Replicas.TryGetValue(name, out var exact))
            return exact;
        if (name.LastIndexOf('.') is > 0 and var dot && int.TryParse(name.AsSpan(dot + 1), out var slot))
            return state.ReplicasOf(Service(state, name[..dot]).Id).Slot(slot).Newest
                ?? throw Refusals.NotFound($"service '{name[..dot]}' has no slot {slot}");
        var found = state.Replicas.Values.Where(r => name.Length > 0 && r.Id.StartsWith(name, StringComparison.Ordinal)).Take(2).ToList();
        return found switch
        {
            [var only] => only,
            [] => throw Refusals.NotFound($"no replica '{name}': expected a replica id, a beginning of one, or service.slot"),
            _ => throw Refusals.Precondition($"several replica ids begin with '{name}'"),
        };
    }

    /// <summary>A node's id or hostname.</summary>
    public static Node Node(ClusterState state, string name)
    {
        if (state.Nodes.TryGetValue(name, out var exact))
            return exact;
        var found = state.Nodes.Values.Where(n => n.Hostname == name).ToList();
        return found switch
        {
            [var only] => only,
            [] => throw Refusals.NotFound($"no node '{name}': expected a node's id or hostname"),
            _ => throw Refusals.Precondition($"several nodes are called '{name}': say an id: {string.Join(" or ", found.Select(n => n.Id))}"),
        };
    }

    public static string FullName(Service service) => $"{service.Stack}/{service.Name}";

    private static bool Is(Service service, string name) =>
        service.Id == name || service.Name == name || FullName(service) == name || $"{service.Stack}_{service.Name}" == name;

    private static string Names(ClusterState state) =>
        state.Services.Count == 0 ? "none" : string.Join(", ", state.Services.Values.Take(20).Select(FullName));
}
