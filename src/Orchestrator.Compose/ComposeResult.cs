using Orchestrator.Model;

namespace Orchestrator.Compose;

/// <summary>What a compose file asks for, or why it cannot be taken. <see cref="Spec"/> is null exactly when there are errors.</summary>
public sealed record ComposeResult(StackSpec? Spec, IReadOnlyList<Diagnostic> Errors, IReadOnlyList<Diagnostic> Warnings);
