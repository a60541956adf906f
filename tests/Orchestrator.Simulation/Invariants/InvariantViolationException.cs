namespace Orchestrator.Simulation.Invariants;

/// <summary>Something that must hold does not: a bug was found.</summary>
public sealed class InvariantViolationException(string message) : Exception(message);
