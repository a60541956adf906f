using Orchestrator.Model.Allocating;

namespace Orchestrator.Model.Applying;

internal static class NetworkChanges
{
    private const uint FirstVni = 4097;
    private const uint LastVni = (1 << 24) - 1;

    public static string Id(string stack, string network) => $"{stack}_{network}";

    public static Refusal? Put(Draft draft, string stack, NetworkSpec spec)
    {
        var id = Id(stack, spec.Name);
        if (draft.Network(id) is not { } known)
            return Create(draft, stack, spec, id);
        if (known.Stack != stack || known.Name != spec.Name)
            return Refuse.Conflict($"network {spec.Name} of stack {stack}: its id {id} is that of network {known.Name} of stack {known.Stack}; "
                + "rename one of them");
        if (spec.Subnet.Length > 0 && spec.Subnet != known.Subnet)
            return Refuse.Conflict($"network {id}: subnet is {known.Subnet} and cannot become {spec.Subnet} while the network exists; "
                + "remove the line, or give the network another name");
        if (spec.Internal == known.Internal)
            return null;
        var next = known.Clone();
        next.Internal = spec.Internal;
        draft.Put(next);
        return null;
    }

    private static Refusal? Create(Draft draft, string stack, NetworkSpec spec, string id)
    {
        if (spec.Subnet.Length > 0 && draft.Networks.FirstOrDefault(n => n.Subnet == spec.Subnet) is { } holder)
            return Refuse.Conflict($"network {id}: subnet {spec.Subnet} is that of network {holder.Id}; choose another /16, or none");
        if ((spec.Subnet.Length > 0 ? spec.Subnet : FreeSubnet(draft)) is not { } subnet)
            return Refuse.Exhausted($"network {id}: no free subnet is left in 10.160.0.0 to 10.255.0.0; remove a network, or write a subnet of its own");
        draft.Put(new Network { Id = id, Stack = stack, Name = spec.Name, Vni = FreeVni(draft), Subnet = subnet, Internal = spec.Internal });
        return null;
    }

    // All subnets are /16s at a /16 boundary: they overlap only when equal.
    private static string? FreeSubnet(Draft draft)
    {
        var taken = draft.Networks.Select(n => n.Subnet).ToHashSet(StringComparer.Ordinal);
        return Subnet.Pool.Select(s => s.ToString()).FirstOrDefault(s => !taken.Contains(s));
    }

    private static uint FreeVni(Draft draft)
    {
        var taken = draft.Networks.Select(n => n.Vni).ToHashSet();
        var vni = FirstVni;
        while (taken.Contains(vni) && vni < LastVni)
            vni++;
        return vni;
    }
}
