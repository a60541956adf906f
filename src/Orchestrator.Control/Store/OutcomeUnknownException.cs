namespace Orchestrator.Control.Store;

/// <summary>The change was proposed and may or may not be committed later. Proposing it again with the same request id is safe.</summary>
public sealed class OutcomeUnknownException(string message, Exception? inner = null) : Exception(message, inner);
