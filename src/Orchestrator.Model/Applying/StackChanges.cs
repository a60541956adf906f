using Orchestrator.Model.Validation;

namespace Orchestrator.Model.Applying;

internal static class StackChanges
{
    public static Refusal? Put(Draft draft, PutStack put)
    {
        if (put.Spec is not { } spec)
            return Refuse.Invalid("stack: spec is missing");
        if (SpecRules.Check(spec) is { Count: > 0 } errors)
            return Refuse.Invalid(string.Join("; ", errors));
        var known = draft.Stack(spec.Name);
        if (put.ExpectedRevision != 0 && put.ExpectedRevision != (known?.Revision ?? 0))
            return Refuse.Conflict($"stack {spec.Name}: it is at revision {known?.Revision ?? 0}, not {put.ExpectedRevision}: somebody changed it meanwhile; "
                + "look at the plan again");
        draft.Put(new Stack { Name = spec.Name, CreatedMs = known?.CreatedMs ?? draft.NowMs, UpdatedMs = draft.NowMs, Spec = spec.Clone() });
        RemoveUnlisted(draft, spec);
        return PutNetworks(draft, spec) ?? PutServices(draft, spec);
    }

    public static Refusal? Remove(Draft draft, string name)
    {
        if (draft.Stack(name) is null)
            return Refuse.NotFound($"stack {name}: there is no such stack");
        foreach (var service in ServicesOf(draft, name))
            ServiceChanges.StartRemoval(draft, service);
        draft.RemoveStack(name);
        return null;
    }

    private static List<Service> ServicesOf(Draft draft, string stack) => draft.Services.Where(s => s.Stack == stack).ToList();

    private static void RemoveUnlisted(Draft draft, StackSpec spec)
    {
        var listed = spec.Services.Select(s => s.Name).ToHashSet(StringComparer.Ordinal);
        foreach (var service in ServicesOf(draft, spec.Name).Where(s => !listed.Contains(s.Name)))
            ServiceChanges.StartRemoval(draft, service);
    }

    private static Refusal? PutNetworks(Draft draft, StackSpec spec)
    {
        foreach (var network in spec.Networks.OrderBy(n => n.Name, StringComparer.Ordinal))
            if (NetworkChanges.Put(draft, spec.Name, network) is { } refusal)
                return refusal;
        return null;
    }

    private static Refusal? PutServices(Draft draft, StackSpec spec)
    {
        foreach (var service in spec.Services.OrderBy(s => s.Name, StringComparer.Ordinal))
            if (ServiceChanges.Put(draft, spec.Name, service) is { } refusal)
                return refusal;
        return spec.Services.Select(s => PublishedPorts.Conflict(draft, spec.Name, s)).FirstOrDefault(r => r is not null);
    }
}
