using System.Globalization;
using Orchestrator.Model.Allocating;

namespace Orchestrator.Model.Validation;

/// <summary>What must hold of a stack's spec by itself, whatever the cluster.</summary>
internal static class SpecRules
{
    public const int ServicesMax = 1000;

    public static IReadOnlyList<string> Check(StackSpec spec)
    {
        if (spec.Services.Count > ServicesMax)
            return [string.Create(CultureInfo.InvariantCulture, $"stack {spec.Name}: it has {spec.Services.Count} services; it may have up to {ServicesMax}")];
        var errors = new List<string>();
        if (!Names.IsGood(spec.Name))
            errors.Add($"stack: name is '{spec.Name}'; it must be {Names.Accepted}");
        CheckNames(errors, "service", spec.Services.Select(s => s.Name));
        CheckNames(errors, "network", spec.Networks.Select(n => n.Name));
        CheckNames(errors, "volume", spec.Volumes.Select(v => v.Name));
        foreach (var network in spec.Networks.Where(n => n.Subnet.Length > 0 && !Subnet.TryParse(n.Subnet, out _)))
            errors.Add($"network {network.Name}: subnet is '{network.Subnet}'; it must be {Subnet.Accepted}");
        foreach (var twice in spec.Networks.Where(n => n.Subnet.Length > 0).CountBy(n => n.Subnet).Where(c => c.Value > 1))
            errors.Add($"networks: subnet {twice.Key} is written {twice.Value} times; each network needs its own");
        foreach (var service in spec.Services)
            new ServiceRules(spec, service, errors).Check();
        errors.AddRange(DependencyCycles.Find(spec, "depends_on", s => s.DependsOn.Select(d => d.Service)));
        errors.AddRange(DependencyCycles.Find(spec, "x-orc-affinity", PlacementCheck.NeededBeside));
        errors.AddRange(PortClashes(spec));
        return errors;
    }

    // Names differ in more than case: DNS does not tell Web from web.
    private static void CheckNames(List<string> errors, string kind, IEnumerable<string> names)
    {
        var all = names.ToList();
        foreach (var name in all.Where(n => !Names.IsGood(n)))
            errors.Add($"{kind} '{name}': a name must be {Names.Accepted}");
        foreach (var twice in all.CountBy(n => n, StringComparer.OrdinalIgnoreCase).Where(c => c.Value > 1))
            errors.Add($"{kind} {twice.Key}: there are {twice.Value} of this name; names must differ in more than case");
    }

    private static IEnumerable<string> PortClashes(StackSpec spec)
    {
        var seen = new List<(ServiceSpec Service, PortSpec Port)>();
        foreach (var service in spec.Services)
            foreach (var port in service.Ports)
            {
                if (seen.Find(s => Ports.Clash(s.Port, port, sameService: s.Service == service)) is { Service: { } holder })
                    yield return string.Create(CultureInfo.InvariantCulture,
                        $"service {service.Name}: port {Ports.Name(port)} is already published by service {holder.Name}; publish another port");
                seen.Add((service, port));
            }
    }
}
