using Orchestrator.Model.Validation;

namespace Orchestrator.Model.Applying;

internal static class PublishedPorts
{
    public static Refusal? Conflict(Draft draft, string stack, ServiceSpec spec)
    {
        var own = ServiceChanges.Id(stack, spec.Name);
        foreach (var other in draft.Services.Where(s => s.Id != own && !s.Removing))
            foreach (var port in spec.Ports)
                if (other.Spec.Ports.Any(p => Ports.Clash(port, p, sameService: false)))
                    return Refuse.Conflict($"service {spec.Name} of stack {stack}: port {Ports.Name(port)} is already published by "
                        + $"service {other.Name} of stack {other.Stack}; publish another port");
        return null;
    }
}
