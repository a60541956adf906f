using System.Reflection;
using Xunit;
using Xunit.Sdk;
using Xunit.v3;

namespace Orchestrator.Conformance;

/// <summary>Runs a case on our runtime and on runc, so that the cases themselves are tested.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class OnBothAttribute : DataAttribute
{
    /// <summary>Why Debian's runc 1.1.5 cannot pass: the case is skipped for it.</summary>
    public string? RuncLacks { get; init; }

    public override ValueTask<IReadOnlyCollection<ITheoryDataRow>> GetData(MethodInfo testMethod, DisposalTracker disposalTracker) => new(
    [
        new TheoryDataRow<string>(Bundle.Ours),
        new TheoryDataRow<string>(Bundle.Runc) { Skip = RuncLacks is null ? null : "runc 1.1.5: " + RuncLacks },
    ]);

    public override bool SupportsDiscoveryEnumeration() => true;
}
