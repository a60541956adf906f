using System.Globalization;

namespace Orchestrator.Model.Validation;

/// <summary>Everything that is wrong with a spec, each as one sentence: object, field, what would be accepted.</summary>
public static class StackValidation
{
    /// <summary>Empty: the spec can be applied to this state.</summary>
    public static IReadOnlyList<string> Validate(StackSpec spec, ClusterState state)
    {
        if (SpecRules.Check(spec) is { Count: > 0 } errors)
            return errors;
        var tooBig = spec.Services.SelectMany(s => TooBig(s, state)).ToList();
        return tooBig.Count > 0 || RefusalOf(spec, state) is not { } refusal ? tooBig : [refusal];
    }

    // What Apply would say, tried out on a state that is thrown away.
    private static string? RefusalOf(StackSpec spec, ClusterState state)
    {
        var change = new Change { Operations = { new Operation { PutStack = new() { Spec = spec } } } };
        return state.Apply(change, state.Revision + 1, state.Term).Result.Refusal?.Message;
    }

    private static IEnumerable<string> TooBig(ServiceSpec service, ClusterState state)
    {
        var asked = service.Reservations ?? new();
        if (Largest(state, d => d.NanoCpus) is { } fastest && asked.NanoCpus > fastest.Description.NanoCpus)
            yield return $"service {service.Name}: reserves {Amount.Cpus(asked.NanoCpus)}, but the largest node ({fastest.Hostname}) has "
                + $"{Amount.Cpus(fastest.Description.NanoCpus)}; reserve less, or add a larger node";
        if (Largest(state, d => d.MemoryBytes) is { } widest && asked.MemoryBytes > widest.Description.MemoryBytes)
            yield return $"service {service.Name}: reserves {Amount.Bytes(asked.MemoryBytes)}, but the largest node ({widest.Hostname}) has "
                + $"{Amount.Bytes(widest.Description.MemoryBytes)}; reserve less, or add a larger node";
        foreach (var (name, amount) in asked.Generic.OrderBy(g => g.Key, StringComparer.Ordinal))
            if (Largest(state, d => Generic(d, name)) is { } richest && amount > Generic(richest.Description, name))
                yield return string.Create(CultureInfo.InvariantCulture, $"service {service.Name}: reserves {amount} {name}, but no node has more than ")
                    + string.Create(CultureInfo.InvariantCulture, $"{Generic(richest.Description, name)}; say what a node has with orcd agent --resource {name}=N");
    }

    private static long Generic(NodeDescription description, string name) => description.GenericResources.TryGetValue(name, out var amount) ? amount : 0;

    private static Node? Largest(ClusterState state, Func<NodeDescription, long> size) => state.Nodes.Values.MaxBy(n => size(n.Description));
}
