using Google.Protobuf.Collections;
using Orchestrator.Compose.Fields;
using Orchestrator.Model;
using Orchestrator.Model.Scheduling;

namespace Orchestrator.Compose.Services;

/// <summary>deploy.placement, and our own keys for it, which may also stand at the service.</summary>
internal static class PlacementReader
{
    public static readonly Dictionary<string, Action<Field, ServiceDraft>> OwnKeys = new()
    {
        ["x-orc-affinity"] = (f, s) => ReadServices(f, s, s.Spec.Affinity),
        ["x-orc-anti-affinity"] = (f, s) => ReadServices(f, s, s.Spec.AntiAffinity),
        ["x-orc-strategy"] = (f, s) => s.Spec.Strategy = f.OneOf("spread", "binpack") == "binpack" ? PlacementStrategy.Binpack : PlacementStrategy.Spread,
        ["x-orc-priority"] = (f, s) => s.Spec.Priority = f.Integer(-PlacementLimits.PriorityMax, PlacementLimits.PriorityMax) ?? 0,
    };

    private static readonly Keys<ServiceDraft> s_keys = new("placement")
    {
        { "constraints", (f, s) => s.Spec.Constraints.AddRange(f.Items("a list of constraints").Select(ReadConstraint)) },
        { "preferences", (f, s) => ReadPreferences(f, s.Spec) },
        { "max_replicas_per_node", (f, s) => s.Spec.MaxReplicasPerNode = f.Integer(0) ?? 0 },
        OwnKeys,
    };

    private static readonly Keys<ServiceSpec> s_preferenceKeys = new("a preference")
    {
        { "spread", (f, s) => s.Spread.Add(ReadSpread(f)) },
    };

    public static void Read(Field field, ServiceDraft service) => s_keys.Read(field, service);

    private static void ReadPreferences(Field field, ServiceSpec spec)
    {
        foreach (var item in field.Items("a list of preferences such as spread: node.labels.zone"))
            s_preferenceKeys.Read(item, spec);
    }

    private static string ReadSpread(Field field)
    {
        var text = field.Text("a field of the node") ?? "node.id";
        if (!NodeField.IsKnown(text))
            field.Expected(NodeField.Accepted);
        return text;
    }

    private static string ReadConstraint(Field field)
    {
        if (field.Text("a constraint") is not { } text)
            return "";
        var constraint = Constraint.Parse(text);
        if (constraint is null)
            field.Expected(Constraint.Accepted);
        return constraint?.ToString() ?? "";
    }

    private static void ReadServices(Field field, ServiceDraft service, RepeatedField<string> names)
    {
        foreach (var item in field.Items("a list of services of this file"))
        {
            if (item.Text("the name of a service") is not { } name || names.Contains(name))
                continue;
            names.Add(name);
            service.Stack.Afterwards(() =>
            {
                // One that nobody asked for is on no node.
                if (service.Stack.Inactive.Contains(name) && names == service.Spec.AntiAffinity)
                    names.Remove(name);
                else if (service.Stack.Inactive.Contains(name))
                    item.Refuse($"the service \"{name}\" is not active, as nobody asked for one of its profiles; ask for one, or leave it out");
                else if (!service.Stack.HasService(name))
                    item.Refuse($"there is no service \"{name}\" in this file; write one of {string.Join(", ", service.Stack.Spec.Services.Select(s => s.Name))}");
            });
        }
    }
}
