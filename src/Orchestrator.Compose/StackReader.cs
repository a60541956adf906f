using System.Text.RegularExpressions;
using Orchestrator.Compose.Fields;
using Orchestrator.Compose.Services;
using Orchestrator.Model;

namespace Orchestrator.Compose;

internal static partial class StackReader
{
    private static readonly Keys<StackDraft> s_keys = new("a compose file", UnsupportedKeys.Stack)
    {
        { "name", (f, _) => f.Text() },
        { "version", (f, _) => f.Warn("has no effect any more; leave it out") },
        { "services", ReadServices },
        { "volumes", ReadVolumes },
        { "networks", ReadNetworks },
    };

    private static readonly Keys<VolumeSpec> s_volumeKeys = new("a volume", UnsupportedKeys.Volume)
    {
        { "name", (_, _) => { } },
        { "external", (_, _) => { } },
        { "driver", (f, _) => f.OneOf("local") },
        { "labels", (f, v) => KeyValues.ReadLabels(f, v.Labels) },
    };

    public static void Read(Field root, StackDraft draft)
    {
        s_keys.Read(root, draft);
        if (root.Entries().All(e => e.Key != "services" || e.IsNull))
            root.Refuse("has no services; a compose file has at least services:");
        draft.RunChecks();
        if (draft.Spec.Services.Any(s => s.Networks.Any(n => n.Network == NetworkReader.Default)) && draft.Spec.Networks.All(n => n.Name != NetworkReader.Default))
            draft.Spec.Networks.Add(new NetworkSpec { Name = NetworkReader.Default });
        DependencyCycles.Check(root, draft.Spec);
    }

    /// <summary>Names become parts of DNS names and of replica names such as web.1, so they hold no dot.</summary>
    public static bool IsName(string name) => Name().IsMatch(name);

    private static void ReadServices(Field services, StackDraft draft)
    {
        foreach (var field in Named(services, "a service"))
            draft.Spec.Services.Add(ServiceReader.Read(field, draft));
    }

    private static void ReadNetworks(Field networks, StackDraft draft)
    {
        foreach (var field in Named(networks, "a network"))
            draft.Spec.Networks.Add(NetworkReader.Read(field, draft));
    }

    private static void ReadVolumes(Field volumes, StackDraft draft)
    {
        foreach (var field in Named(volumes, "a volume"))
        {
            var volume = new VolumeSpec { Name = field.Key };
            s_volumeKeys.Read(field, volume);
            volume.ExternalName = ExternalName(field);
            draft.Spec.Volumes.Add(volume);
        }
    }

    private static string ExternalName(Field volume)
    {
        var keys = volume.Entries().Where(e => !e.IsNull).ToDictionary(e => e.Key);
        var external = keys.TryGetValue("external", out var flag) && flag.Flag() == true;
        if (external)
            volume.Warn("volumes are the node's own: a node that has no volume of this name makes an empty one");
        if (!keys.TryGetValue("name", out var name))
            return external ? volume.Key : "";
        if (!external)
            name.RefuseKey("a volume of the stack is called after the stack and its key; a name is for a volume that exists: add external: true, or leave name out");
        foreach (var other in keys.Values.Where(k => external && k.Key is "driver" or "labels"))
            other.RefuseKey("an external volume is not made by the stack, so it takes only external and name");
        return name.Text() ?? "";
    }

    private static IEnumerable<Field> Named(Field mapping, string owner)
    {
        foreach (var field in mapping.Entries())
        {
            if (IsName(field.Key))
                yield return field;
            else if (!field.Key.StartsWith("x-", StringComparison.Ordinal))
                field.RefuseKey($"\"{field.Key}\" cannot be the name of {owner}; expected 1 to 63 letters, digits, - and _, with a letter or digit at both ends");
        }
    }

    [GeneratedRegex(@"^[a-zA-Z0-9]([a-zA-Z0-9_-]{0,61}[a-zA-Z0-9])?\z", RegexOptions.CultureInvariant)]
    private static partial Regex Name();
}
