using System.Globalization;
using Orchestrator.Model.Validation;

namespace Orchestrator.Model.Scheduling;

/// <summary>One rule that a node must pass.</summary>
/// <param name="Explain">Says of nodes that failed, after their number: "lacks 512 MiB".</param>
/// <param name="Accepts">The rule.</param>
internal sealed record Filter(string Explain, Func<Candidate, bool> Accepts)
{
    public static Filter Ready { get; } = new("not ready", c => c.Node.Status == NodeStatus.NodeReady);

    public static Filter NotDrained { get; } = new("drained", c => c.Node.Availability == Availability.Active);

    /// <summary>The filters of a spec, in the order in which their explanations help most.</summary>
    public static IReadOnlyList<Filter> Of(ServiceSpec spec)
    {
        var filters = new List<Filter> { Ready, NotDrained };
        if (spec.Platform.Length > 0)
            filters.Add(OfPlatform(spec.Platform));
        filters.AddRange(spec.Constraints.Select(OfConstraint));
        if (spec.Reservations is { NanoCpus: > 0 } cpus)
            filters.Add(OfCpus(cpus.NanoCpus));
        if (spec.Reservations is { MemoryBytes: > 0 } memory)
            filters.Add(OfMemory(memory.MemoryBytes));
        filters.AddRange((spec.Reservations?.Generic ?? []).OrderBy(g => g.Key, StringComparer.Ordinal).Select(g => OfGeneric(g.Key, g.Value)));
        filters.AddRange(Candidate.HostPortsOf(spec).Select(OfHostPort));
        return filters;
    }

    public static Filter OfPlatform(string platform) => new($"not {platform}", c => Platform.Fits(platform, c.Node.Description));

    public static Filter OfConstraint(string text) =>
        Constraint.Parse(text) is { } constraint
            ? new($"not {constraint}", c => constraint.Allows(c.Node, c.Cluster))
            : new($"cannot be matched with '{text}'", _ => false);

    public static Filter OfCpus(long nanoCpus) => new($"lacks {Amount.Cpus(nanoCpus)}", c => c.FreeNanoCpus >= nanoCpus);

    public static Filter OfMemory(long bytes) => new($"lacks {Amount.Bytes(bytes)}", c => c.FreeMemoryBytes >= bytes);

    public static Filter OfGeneric(string name, long amount) => new(Text($"lacks {amount} {name}"), c => c.FreeGeneric(name) >= amount);

    public static Filter OfHostPort(PortSpec port) =>
        new($"has port {Ports.Name(port)} taken", c => c.HasFreePort(port));

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
