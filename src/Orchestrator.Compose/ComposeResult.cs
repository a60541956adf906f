using Orchestrator.Model;

namespace Orchestrator.Compose;

/// <summary>What compose files ask for, or why they cannot be taken. <see cref="Spec"/> is null exactly when there are errors.</summary>
public sealed record ComposeResult(StackSpec? Spec, IReadOnlyList<Diagnostic> Errors, IReadOnlyList<Diagnostic> Warnings)
{
    /// <summary>The files as one; null when there are errors.</summary>
    public ComposeDocument? Document { get; init; }
}
