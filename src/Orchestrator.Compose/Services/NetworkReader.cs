using Orchestrator.Compose.Fields;
using Orchestrator.Model;
using Orchestrator.Model.Allocating;

namespace Orchestrator.Compose.Services;

internal static class NetworkReader
{
    /// <summary>The network of services that name none.</summary>
    public const string Default = "default";

    private static readonly Keys<NetworkSpec> s_keys = new("a network", UnsupportedKeys.Network)
    {
        { "name", (f, n) => f.Warn($"has no effect: the network is called after the stack and its key, {n.Name}") },
        { "driver", (f, _) => f.OneOf("overlay", "bridge") },
        { "internal", (f, n) => n.Internal = f.Flag() ?? false },
        { "labels", (f, n) => KeyValues.ReadLabels(f, n.Labels) },
        { "ipam", (f, n) => s_ipamKeys!.Read(f, n) },
        { "external", RefuseExternal },
        { "attachable", (f, _) => f.WarnIf(f.Flag(), "has no effect: `orc run` joins no network of a stack") },
        { "enable_ipv4", (f, _) => f.RefuseIf(f.Flag() == false, "networks are IPv4; leave it out") },
        { "enable_ipv6", (f, _) => f.RefuseIf(f.Flag() == true, "networks are IPv4; leave it out") },
    };

    private static readonly Keys<NetworkSpec> s_ipamKeys = new("ipam", new Dictionary<string, string> { ["options"] = "leave it out" })
    {
        { "driver", (f, _) => f.OneOf("default") },
        { "config", ReadIpamConfig },
    };

    private static readonly Keys<NetworkSpec> s_configKeys = new("an ipam config", new Dictionary<string, string>
    {
        ["gateway"] = "leave it out; each node's gateway is the first address of its block",
        ["ip_range"] = "leave it out; each node has a block of the subnet",
        ["aux_addresses"] = "leave it out",
    })
    {
        { "subnet", (f, n) => n.Subnet = ReadSubnet(f) },
    };

    private static readonly Keys<NetworkAttachment> s_attachmentKeys = new("a service's network", UnsupportedKeys.ServiceNetwork)
    {
        { "aliases", (f, a) => a.Aliases.AddRange(f.Items("a list of names").Select(ReadAlias).Distinct()) },
    };

    public static NetworkSpec Read(Field field, StackDraft draft)
    {
        var network = new NetworkSpec { Name = field.Key };
        s_keys.Read(field, network);
        return network;
    }

    public static void ReadAttachments(Field field, ServiceDraft service)
    {
        foreach (var item in field.IsList ? field.Items() : field.Entries("a list of networks, or a mapping of networks to their settings"))
        {
            var attachment = new NetworkAttachment { Network = field.IsList ? item.Text("the name of a network") ?? Default : item.Key };
            if (!field.IsList)
                s_attachmentKeys.Read(item, attachment);
            if (service.Spec.Networks.Any(n => n.Network == attachment.Network))
                item.RefuseKey($"names \"{attachment.Network}\" twice; keep one");
            service.Spec.Networks.Add(attachment);
            service.Stack.Afterwards(() =>
            {
                if (!service.Stack.HasNetwork(attachment.Network))
                    item.RefuseKey($"there is no network \"{attachment.Network}\"; declare it under networks: at the top level");
            });
        }
    }

    private static void RefuseExternal(Field field, NetworkSpec network)
    {
        if (field.IsMapping || field.Flag() == true)
            field.RefuseKey($"the key \"external\" is not supported: {UnsupportedKeys.Network["external"]}");
    }

    private static void ReadIpamConfig(Field field, NetworkSpec network)
    {
        var configs = field.Items("a list with one subnet").ToList();
        foreach (var config in configs)
            s_configKeys.Read(config, network);
        if (configs.Count > 1)
            field.Refuse($"got {configs.Count} subnets; a network has one");
    }

    private static string ReadSubnet(Field field)
    {
        var text = field.Text("a subnet");
        if (text is not null && !Subnet.TryParse(text, out _))
            field.Expected(Subnet.Accepted);
        return text ?? "";
    }

    private static string ReadAlias(Field field)
    {
        var alias = field.Text("a name") ?? "a";
        if (!StackReader.IsName(alias.Replace('.', '-')))
            field.Expected("a name of letters, digits, -, _ and .");
        return alias;
    }
}
