using Orchestrator.Model.Allocating;
using Orchestrator.Model.Validation;

namespace Orchestrator.Model.Applying;

internal static class ServiceChanges
{
    public static string Id(string stack, string service) => $"{stack}/{service}";

    public static Refusal? Put(Draft draft, string stack, ServiceSpec spec)
    {
        var known = draft.Service(Id(stack, spec.Name));
        var next = known?.Clone() ?? new Service
        {
            Id = Id(stack, spec.Name),
            Stack = stack,
            Name = spec.Name,
            CreatedMs = draft.NowMs,
        };
        if (known is null || SpecDifference.ReplacesReplicas(known.Spec, spec))
            Rollouts.Begin(next, spec.Clone(), draft.Revision, draft.NowMs);
        else
            next.Spec = spec.Clone();
        next.Removing = false;
        if (GiveVirtualIps(draft, next) is { } refusal)
            return refusal;
        if (!next.Equals(known))
            draft.Put(next);
        return null;
    }

    public static Refusal? Scale(Draft draft, ScaleService scale)
    {
        if (draft.Service(scale.ServiceId) is not { Removing: false } service)
            return Unknown(scale.ServiceId);
        if (scale.Replicas is < 0 or > ServiceRules.ReplicasMax)
            return Refuse.Invalid($"service {service.Id}: replicas is {scale.Replicas}; it must be 0 to {ServiceRules.ReplicasMax}");
        if (service.Spec.Mode == ServiceMode.Global)
            return Refuse.Invalid($"service {service.Id}: it runs once on every node (mode global); constraints say on which");
        if (service.Spec.Replicas == scale.Replicas)
            return null;
        var next = service.Clone();
        next.Spec.Replicas = scale.Replicas;
        draft.Put(next);
        return null;
    }

    public static Refusal? Remove(Draft draft, string id)
    {
        if (draft.Service(id) is not { Removing: false } service)
            return Unknown(id);
        StartRemoval(draft, service);
        return null;
    }

    public static void StartRemoval(Draft draft, Service service)
    {
        if (service.Removing)
            return;
        var next = service.Clone();
        next.Removing = true;
        draft.Put(next);
    }

    public static Refusal? Reap(Draft draft, string id)
    {
        if (draft.Service(id) is not { } service)
            return Unknown(id);
        if (!service.Removing || !draft.ReplicasOf(id).Slots.IsEmpty)
            return Refuse.Conflict($"service {id}: it is not being removed or still has replicas");
        draft.Remove(service);
        return null;
    }

    private static Refusal Unknown(string id) => Refuse.NotFound($"service {id}: there is no such service");

    public static Refusal? GiveVirtualIps(Draft draft, Service service)
    {
        var kept = service.VirtualIps.ToDictionary(v => v.Key, v => v.Value, StringComparer.Ordinal);
        service.VirtualIps.Clear();
        foreach (var name in service.Spec.Networks.Select(n => n.Network).Order(StringComparer.Ordinal))
        {
            var network = draft.Network(NetworkChanges.Id(service.Stack, name))!;
            if ((kept.GetValueOrDefault(network.Id) ?? FreeVirtualIp(draft, network)) is not { } address)
                return Refuse.Exhausted($"service {service.Id}: network {network.Id} has no virtual IP left; use another network");
            service.VirtualIps[network.Id] = address;
        }
        return null;
    }

    private static string? FreeVirtualIp(Draft draft, Network network)
    {
        var taken = draft.Services.Select(s => s.VirtualIps.GetValueOrDefault(network.Id)).OfType<string>().ToHashSet(StringComparer.Ordinal);
        return Subnet.TryParse(network.Subnet, out var subnet) ? subnet.VirtualIps().FirstOrDefault(ip => !taken.Contains(ip)) : null;
    }
}
