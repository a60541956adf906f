namespace Orchestrator.Model.Validation;

/// <summary>What must hold of a stack's spec by itself, whatever the cluster.</summary>
internal static class SpecRules
{
    public static IReadOnlyList<string> Check(StackSpec spec)
    {
        var errors = new List<string>();
        if (spec.Name.Length == 0)
            errors.Add("stack: name is empty");
        foreach (var service in spec.Services)
            foreach (var attachment in service.Networks.Where(a => !spec.Networks.Any(n => n.Name == a.Network)))
                errors.Add($"service {service.Name}: network {attachment.Network} is not defined");
        return errors;
    }
}
