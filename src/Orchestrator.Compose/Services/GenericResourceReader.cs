using Orchestrator.Compose.Fields;
using Orchestrator.Model;

namespace Orchestrator.Compose.Services;

/// <summary>Reservations of countable things of a node: generic_resources, and devices by their first capability.</summary>
internal static class GenericResourceReader
{
    private static readonly Keys<Resources> s_keys = new("a generic resource",
        new Dictionary<string, string> { ["named_resource_spec"] = "things are counted, not named: write discrete_resource_spec" })
    {
        { "discrete_resource_spec", (f, r) => ReadDiscrete(f, r) },
    };

    private static readonly Keys<Asked> s_discreteKeys = new("discrete_resource_spec")
    {
        { "kind", (f, a) => a.Kind = f.Text("the name of a resource such as gpu") ?? "" },
        { "value", (f, a) => a.Amount = f.Integer(1) ?? 1 },
    };

    private static readonly Keys<Asked> s_deviceKeys = new("a reserved device", new Dictionary<string, string>
    {
        ["driver"] = "leave it out; devices are counted by their capability",
        ["device_ids"] = "devices are counted: write count, and name the device's files under devices of the service",
        ["options"] = "leave it out",
    })
    {
        { "capabilities", (f, a) => a.Kind = f.Items("a list of capabilities such as [gpu]").Select(c => c.Text("a capability") ?? "").FirstOrDefault("") },
        { "count", (f, a) => a.Amount = f.Integer(1) ?? 1 },
    };

    public static void Read(Field field, Resources resources)
    {
        foreach (var item in field.Items("a list of generic resources"))
            s_keys.Read(item, resources);
    }

    public static void ReadDevices(Field field, Resources resources)
    {
        foreach (var item in field.Items("a list of devices"))
            Add(item, s_deviceKeys, resources, "capabilities and count: how many of them; \"all\" cannot be counted");
        field.Warn("places replicas by the number of devices; what the container may open is named under devices of the service");
    }

    private static void ReadDiscrete(Field field, Resources resources) => Add(field, s_discreteKeys, resources, "kind and value");

    private static void Add(Field field, Keys<Asked> keys, Resources resources, string accepted)
    {
        var asked = new Asked();
        keys.Read(field, asked);
        if (asked is { Kind.Length: > 0, Amount: > 0 })
            resources.Generic[asked.Kind] = (resources.Generic.TryGetValue(asked.Kind, out var before) ? before : 0) + asked.Amount;
        else if (field.IsMapping)
            field.Refuse($"is not complete; expected {accepted}");
    }

    private sealed class Asked
    {
        public string Kind { get; set; } = "";

        public long Amount { get; set; }
    }
}
